from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from ringwall.cli import why as module
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput

ROW: dict[str, Any] = {
    "id": 1, "at": "2030-05-17T08:00:00.250Z", "sbc_node": "kamailio_sbc", "reason": "no-dialog",
    "action": "refused", "status": 481, "source_class": "unknown", "address": "198.51.100.7",
    "port": 5060, "transport": "udp", "method": "BYE", "call_id": "a@b", "user": "1001",
    "dialled": "600", "user_agent": "\x1b[31m", "count": 1,
}  # fmt: skip
NUMBER = ROW | {
    "id": 2, "at": "2030-05-17T08:00:05.000Z", "method": "", "call_id": "", "user": "",
    "dialled": "", "count": 499,
}  # fmt: skip
REASONS = {"no-dialog": {"meaning": "It is over.", "remedy": "Nothing."}}


class FakeApi:
    """Has refusals for an address, a Call-ID and a user."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.held: dict[str, Any] = {}
        self.known = True

    def verdicts(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        self.asked.append(dict(wanted))
        known = {"198.51.100.7", "a@b", "1001"} & set(wanted.values())
        rows = [NUMBER, ROW] if known else []
        return {"verdicts": rows, "reasons": REASONS, **self.held}

    def cdr(self, call_id: str) -> dict[str, Any]:
        if call_id != "busy":
            raise BadInput("no call is on record")
        return {"result": "busy", "sip_code": 486}

    def registration_history(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        return {"events": [], "next": None}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    made = FakeApi()
    monkeypatch.setattr(module, "client", lambda _context: made)
    return made


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(module.why)
    return CliRunner().invoke(app, arguments, obj=Workspace(Path()))


@pytest.mark.parametrize("subject", ["198.51.100.7", "a@b", "1001", "sip:1001@sip.example.com"])
def test_the_last_refusal_comes_first(api: FakeApi, subject: str) -> None:
    result = run(subject)
    assert result.exit_code == 0
    first, source, meaning, remedy, _, _, number = result.stdout.splitlines()
    assert first.startswith("The BYE of 1001 to 600 was refused at 2030-05-17 08:00:00 UTC")
    assert first.endswith("no-dialog (481)")
    assert "198.51.100.7 port 5060 over udp" in source
    assert "\\x1b[31m" in source
    assert (meaning, remedy) == ("What it means: It is over.", "What to do: Nothing.")
    assert number.split()[3:5] == ["481", "499"]


def test_a_word_is_asked_for_as_call_id_and_as_user(api: FakeApi) -> None:
    run("1001@x", "--since", "2h", "--limit", "5")
    common = {"limit": "5", "since": "2h"}
    assert api.asked == [common | {"call_id": "1001@x"}, common | {"user": "1001"}]


def test_a_ban_is_told(api: FakeApi) -> None:
    assert "ban" not in run("198.51.100.7").stdout
    api.held = {"ban": {"reason": "flood", "until": None}}
    assert "There is a ban on the address without an end: flood" in run("198.51.100.7").stdout


def test_nothing_found_says_what_that_means(api: FakeApi) -> None:
    result = run("198.51.100.8")
    assert result.exit_code == 1
    assert "challenge" in result.stderr
    busy = run("busy")
    assert busy.exit_code == 1
    assert "ended as busy with status 486" in busy.stderr


def test_json(api: FakeApi) -> None:
    assert json.loads(run("a@b", "--json").stdout)["verdicts"] == [NUMBER, ROW]
