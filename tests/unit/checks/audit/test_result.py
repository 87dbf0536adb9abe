"""The score card, and its page."""

from __future__ import annotations

import json

from ringwall.checks.audit.case import Case, Family
from ringwall.checks.audit.layers import Layer
from ringwall.checks.audit.report import html
from ringwall.checks.audit.result import Check, Result, ScoreCard


def _case(name: str, layer: Layer) -> Case:
    return Case(name, f"what {name} does", "RFC 3261", layer, lambda _: None)


_CASES = (_case("one", Layer.DIGEST), _case("two", Layer.SANITY), _case("three", Layer.DIGEST))
_FAMILY = Family("some", "some attacks", _CASES)
_EVIL = "<script>alert(1)</script>"


def _card(fault: str = "", check: str = "") -> ScoreCard:
    card = ScoreCard("192.0.2.1")
    card.results = [
        Result(_CASES[0], _FAMILY, fault, 0.5),
        Result(_CASES[1], _FAMILY, "", 0.25),
        Result(_CASES[2], _FAMILY, "", 0, "TLS is not required"),
    ]
    card.checks = [Check("memory", check, "flat")]
    return card


def test_layers_are_scored_in_the_order_of_the_way() -> None:
    rows = _card("answered 200").rows
    assert [(row.layer, row.passed, row.failed) for row in rows] == [
        (Layer.SANITY, 1, 0),
        (Layer.DIGEST, 0, 1),
    ]


def test_what_fails_and_what_passes() -> None:
    assert _card().passed
    assert not _card("answered 200").passed
    assert not _card(check="grew").passed
    nothing = ScoreCard("192.0.2.1")
    assert not nothing.passed, "where nothing was tried, nothing was proved"


def test_json_has_every_case() -> None:
    told = json.loads(json.dumps(_card("answered 200").as_dict()))
    assert told["passed"] is False
    assert [(one["name"], one["passed"]) for one in told["cases"]] == [
        ("one", False),
        ("two", True),
        ("three", False),
    ]
    assert told["cases"][2]["skipped"] == "TLS is not required"
    assert told["layers"][1]["switch"] == "security.digest"


def test_the_page_is_whole_and_escapes_what_came_back() -> None:
    page = html(_card(f"answered {_EVIL}", _EVIL))
    assert _EVIL not in page
    assert page.count("&lt;script&gt;") == 4
    assert "1 of 2 attacks were not stopped" in page
    assert "http" not in page, "it needs nothing else"


def test_the_page_of_a_good_audit() -> None:
    page = html(_card())
    assert "All 2 attacks were stopped." in page
    assert "<h2>Not stopped</h2>" not in page
