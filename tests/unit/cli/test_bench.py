from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from ringwall.checks.bench.ratio import Ratio
from ringwall.checks.bench.signalling import Cost, Load
from ringwall.checks.phone import Account
from ringwall.cli import bench
from ringwall.cli.main import app

COSTS = [Cost("bare", 1000.4, None), Cost("everything", 1500, Ratio(1.5, 1.25, 1.75))]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the measurement was asked for; it is replaced, and says ``COSTS``."""
    found: dict[str, Any] = {}

    @contextmanager
    def site(number: int, say: Any) -> Iterator[str]:
        found["number"] = number
        say("made")
        yield "the site"

    def measure(made: str, load: Load, pairs: int, say: Any) -> list[Cost]:
        found.update(site=made, load=load, pairs=pairs)
        return COSTS

    monkeypatch.setattr(bench, "site", site)
    monkeypatch.setattr(bench, "_accounts", lambda made: [Account("1", "secret")])
    monkeypatch.setattr("ringwall.checks.bench.signalling.measure", measure)
    return found


def test_a_table(asked: dict[str, Any]) -> None:
    line = ["bench", "signalling", "--pairs", "9", "--rate", "50", "--calls", "70", "--subnet", "7"]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    assert asked == {
        "number": 7, "site": "the site", "pairs": 9, "load": Load([Account("1", "secret")], 50, 70)
    }  # fmt: skip
    assert "bare        1000 µs     -" in done.stdout
    assert "everything  1500 µs     1.50 (1.25 to 1.75)" in done.stdout


@pytest.mark.usefixtures("asked")
def test_json_has_nothing_else_on_standard_output() -> None:
    done = CliRunner().invoke(app, ["bench", "signalling", "--json"])
    first, second = json.loads(done.stdout)
    assert first == {"variant": "bare", "microseconds": 1000.4, "of_bare": None}
    assert second["of_bare"] == {"median": 1.5, "low": 1.25, "high": 1.75}


@pytest.mark.parametrize("option", [["--pairs", "5"], ["--rate", "0"], ["--subnet", "256"]])
def test_what_cannot_be(asked: dict[str, Any], option: list[str]) -> None:
    assert CliRunner().invoke(app, ["bench", "signalling", *option]).exit_code == 2
    assert not asked
