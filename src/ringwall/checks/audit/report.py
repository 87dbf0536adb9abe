"""The report for people: one HTML file that needs nothing else."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from ringwall import __version__
from ringwall.checks.audit.result import ScoreCard

_TEMPLATES = Environment(
    loader=PackageLoader("ringwall.checks.audit", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html(card: ScoreCard) -> str:
    """Write the report; whatever a system under attack answered is escaped."""
    families = list(dict.fromkeys(one.family for one in card.results))
    return _TEMPLATES.get_template("report.html.j2").render(
        card=card,
        families=[(one, [r for r in card.results if r.family is one]) for one in families],
        ran=sum(not one.skipped for one in card.results),
        version=__version__,
    )
