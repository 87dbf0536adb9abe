"""What came of an audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringwall.checks.audit.case import Case, Family
    from ringwall.checks.audit.layers import Layer


@dataclass(frozen=True)
class Result:
    """What came of one case; ``fault`` is empty where it was stopped as it must be."""

    case: Case
    family: Family
    fault: str
    seconds: float
    skipped: str = ""
    """Why it was not run, where it does not apply."""

    @property
    def passed(self) -> bool:
        """Whether it was run, and stopped."""
        return not self.fault and not self.skipped


@dataclass(frozen=True)
class Check:
    """Something that is asked of the whole run, not of a case."""

    name: str
    fault: str
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """A layer's line of the score card."""

    layer: Layer
    passed: int
    failed: int


@dataclass
class ScoreCard:
    """All results of an audit."""

    target: str
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    results: list[Result] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    answers_only: bool = False
    """The target is not our own system: nothing but its answers was judged."""

    @property
    def failed(self) -> list[Result]:
        """The cases that were not stopped."""
        return [one for one in self.results if one.fault]

    @property
    def broken(self) -> list[Check]:
        """The checks of the whole run that failed."""
        return [one for one in self.checks if one.fault]

    @property
    def passed(self) -> bool:
        """Whether all that was run held."""
        return not self.failed and not self.broken and any(one.passed for one in self.results)

    @property
    def rows(self) -> list[Row]:
        """The score of each layer that was attacked, in the order of the layers."""
        ran = [one for one in self.results if not one.skipped]
        layers = sorted({one.case.layer for one in ran}, key=lambda one: one.position)
        return [
            Row(
                layer,
                sum(one.passed for one in ran if one.case.layer is layer),
                sum(bool(one.fault) for one in ran if one.case.layer is layer),
            )
            for layer in layers
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "target": self.target,
            "begun": self.begun.isoformat(),
            "seconds": round(self.seconds, 1),
            "passed": self.passed,
            "answers_only": self.answers_only,
            "layers": [
                {"layer": row.layer.title, "switch": row.layer.switch, "passed": row.passed,
                 "failed": row.failed}
                for row in self.rows
            ],
            "checks": [
                {"name": one.name, "passed": not one.fault, "fault": one.fault,
                 "detail": one.detail}
                for one in self.checks
            ],
            "cases": [_case(one) for one in self.results],
        }  # fmt: skip


def _case(one: Result) -> dict[str, Any]:
    return {
        "name": one.case.name,
        "family": one.family.name,
        "layer": one.case.layer.title,
        "what": one.case.what,
        "origin": one.case.origin,
        "passed": one.passed,
        "fault": one.fault,
        "skipped": one.skipped,
        "seconds": round(one.seconds, 2),
    }
