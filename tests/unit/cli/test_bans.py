from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from ringwall.cli import bans
from ringwall.errors import BadInput

BAN = {
    "address": "198.51.100.7", "by": "flood", "reason": "\x1b[31mred", "count": 2,
    "since": "2030-05-17T08:00:00Z", "until": "2130-05-17T08:02:00Z", "kernel": True, "dropped": 9,
}  # fmt: skip


class FakeApi:
    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.kernel = True

    def bans(self) -> dict[str, Any]:
        return {"bans": [BAN], "kernel": self.kernel}

    def ban(self, address: str, seconds: int, reason: str) -> dict[str, Any]:
        self.asked.append((address, seconds, reason))
        return BAN | {"kernel": self.kernel}

    def unban(self, address: str) -> dict[str, Any]:
        self.asked.append(address)
        return {"address": address}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    made = FakeApi()
    monkeypatch.setattr(bans, "client", lambda _context: made)
    return made


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(bans.bans_app, name="bans")
    return CliRunner().invoke(app, ["bans", *arguments])


def test_the_list_cannot_steer_the_terminal(api: FakeApi) -> None:
    said = run("list")
    assert "198.51.100.7" in said.stdout
    assert "\x1b" not in said.stdout
    assert json.loads(run("list", "--json").stdout)["bans"] == [BAN]
    api.kernel = False
    assert "docker logs fail2ban" in run("list").output


def test_a_ban_is_made_for_a_time(api: FakeApi) -> None:
    said = run("add", "198.51.100.7", "--for", "10m", "--reason", "a bad day")
    assert api.asked == [("198.51.100.7", 600, "a bad day")]
    assert "by Kamailio and the kernel" in said.stdout
    api.kernel = False
    assert "by Kamailio alone" in run("add", "198.51.100.7").stdout
    refused = run("add", "198.51.100.7", "--for", "long")
    assert isinstance(refused.exception, BadInput)


def test_a_ban_is_lifted(api: FakeApi) -> None:
    assert "is not banned" in run("remove", "198.51.100.7").stdout
    assert api.asked == ["198.51.100.7"]
