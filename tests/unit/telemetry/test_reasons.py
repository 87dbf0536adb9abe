from __future__ import annotations

import re
from pathlib import Path

from ringwall.telemetry.reasons import REASONS, explained

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security" / "reasons.md").read_text()
ROUTES = ROOT / "src" / "ringwall" / "stack" / "kamailio" / "routes"


def test_the_page_has_the_same_words() -> None:
    wanted = [f"| `{r.code}` | {r.meaning} | {r.remedy} |" for r in REASONS.values()]
    assert [line for line in PAGE.splitlines() if line.startswith("| `")] == wanted


def test_every_code_that_kamailio_gives_is_explained() -> None:
    text = "".join(path.read_text() for path in sorted(ROUTES.glob("*.cfg")))
    given = set(re.findall(r'\$var\(reason\) = "([^"]+)"', text))
    assert len(given) >= 8
    assert given <= set(REASONS)


def test_a_code_of_a_newer_kamailio_is_no_error() -> None:
    assert "Update" in explained("gravity").remedy
