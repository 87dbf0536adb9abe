from __future__ import annotations

from typing import Any

import pytest

from ringwall.checks.testcall import Report


def report(**changes: Any) -> Report:
    whole: dict[str, Any] = {
        "number": "600", "transport": "udp", "registered_ms": 3, "answered_ms": 40,
        "status": "200 OK", "matched": 16, "tones": 16, "level": -15.0, "media": True,
        "round_trip_ms": 42,
    }  # fmt: skip
    return Report(**{**whole, **changes})


@pytest.mark.parametrize(
    ("changes", "passed", "verdict"),
    [
        ({}, True, "heard back what was said (16 of 16 tones, 42 ms round trip)"),
        (
            {"round_trip_ms": 4},
            True,
            "heard back what was said (16 of 16 tones, less than 10 ms round trip)",
        ),
        (
            {"matched": 7, "round_trip_ms": None},
            False,
            "heard back a part (7 of 16 tones)",
        ),
        ({"matched": 0}, False, "heard sound (-15 dBFS), which is not what was said"),
        ({"matched": 0, "level": None}, False, "heard silence"),
        (
            {"matched": 0, "level": None, "media": False},
            False,
            "heard nothing: no audio packet came",
        ),
        ({"number": "601", "matched": 0}, True, "heard sound (-15 dBFS)"),
        ({"number": "601", "matched": 0, "level": None}, True, "heard silence"),
        (
            {"number": "601", "matched": 0, "media": False},
            False,
            "heard nothing: no audio packet came",
        ),
    ],
)
def test_the_verdict(changes: dict[str, Any], passed: bool, verdict: str) -> None:
    made = report(**changes)
    assert made.passed is passed
    assert made.verdict == verdict
    assert made.as_dict()["passed"] is passed
