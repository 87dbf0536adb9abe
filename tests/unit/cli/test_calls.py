from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ringwall.cli import calls
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput


def call() -> dict[str, Any]:
    answered = (datetime.now(UTC) - timedelta(seconds=65)).isoformat()
    leg = {
        "caller": "1001", "dialled": "1002", "state": "answered", "source": "10.5.1.50",
        "transport": "udp", "since": "2030-05-17T08:00:00.250Z", "answered_at": answered,
        "node": "asterisk_1",
    }  # fmt: skip
    legs = [leg | {"call_id": "first", "direction": "from-user"}]
    legs += [leg | {"call_id": "b-leg", "direction": "to-user", "source": "10.5.0.10"}]
    return leg | {"id": "first", "legs": legs}


class FakeApi:
    def __init__(self) -> None:
        self.live, self.left = True, 0
        self.ended: list[str] = []
        ringing = {"id": "second\x1b", "state": "ringing", "answered_at": None, "since": None}
        self.found = [call(), call() | ringing]

    def calls(self) -> dict[str, Any]:
        return {"calls": self.found, "live": self.live}

    def call(self, call_id: str) -> dict[str, Any]:
        if call_id == "gone":
            raise BadInput("no call gone goes on")
        return self.found[0]

    def hang_up(self, call_id: str) -> dict[str, Any]:
        self.ended.append(call_id)
        return {"id": "first", "legs": 2, "left": self.left}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    made = FakeApi()
    monkeypatch.setattr(calls, "client", lambda _context: made)
    return made


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(calls.calls_app, arguments, input=stdin, obj=Workspace(Path()))


def test_list(api: FakeApi) -> None:
    result = run("list")
    _, answered, ringing = result.stdout.splitlines()
    assert answered.split()[2:] == [
        "1001", "1002", "answered", "1:05", "asterisk_1", "10.5.1.50", "first",
    ]  # fmt: skip
    assert ringing.split()[2:4] == ["1002", "ringing"]
    assert ringing.endswith("second\\x1b")
    assert result.stderr == ""


def test_list_says_when_it_is_not_of_now(api: FakeApi) -> None:
    api.live = False
    assert "10 s ago" in run("list").stderr


def test_show(api: FakeApi) -> None:
    lines = run("show", "b-leg").stdout.splitlines()
    assert lines[1].endswith("first")
    assert [line.split()[0] for line in lines[-2:]] == ["from-user", "to-user"]


def test_json(api: FakeApi) -> None:
    assert len(json.loads(run("list", "--json").stdout)["calls"]) == 2
    assert json.loads(run("show", "first", "--json").stdout)["id"] == "first"
    assert json.loads(run("hangup", "first", "--yes", "--json").stdout)["left"] == 0


def test_hangup(api: FakeApi) -> None:
    result = run("hangup", "first", "--yes")
    assert (result.exit_code, result.stdout) == (0, "Ended first.\n")
    assert api.ended == ["first"]


def test_hangup_that_leaves_a_leg_has_failed(api: FakeApi) -> None:
    api.left = 1
    result = run("hangup", "first", "-y")
    assert result.exit_code == 1
    assert "1 of 2 legs are left" in result.stderr


def test_hangup_needs_a_word(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("hangup", "first")
    assert isinstance(result.exception, BadInput)
    assert "--yes" in (result.exception.remedy or "")
    monkeypatch.setattr(calls, "_agreed", lambda _call: False)
    assert run("hangup", "first").exit_code == 1
    assert api.ended == []


def test_a_call_that_is_gone_is_told_before_the_question(api: FakeApi) -> None:
    result = run("hangup", "gone")
    assert "no call gone goes on" in str(result.exception)
