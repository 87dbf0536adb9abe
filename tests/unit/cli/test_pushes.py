from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from ringwall.cli import pushes, registrations
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput

EVENT = {
    "number": 3, "at": "2030-05-17T08:00:00.250Z", "user": "1001", "event": "refused",
    "reason": "auth-failed", "source_address": "203.0.113.9", "source_port": 1024,
    "transport": "udp", "contact": "sip:1001@a", "user_agent": "\x1b[31mred",
}  # fmt: skip
PUSH = {
    "id": 7, "at": "2030-05-17T08:00:00.250Z", "user": "1001", "event": "register",
    "state": "parked", "attempts": 9, "last_error": "answers 500", "event_id": "ab" * 32,
    "queued_at": "2030-05-17T08:00:01Z", "next_attempt_at": None, "sent_at": None,
    "document": {"user_agent": "\x1b[31mred"},
}  # fmt: skip
STATUS = {
    "enabled": True, "pending": 0, "parked": 1, "lag_seconds": 0.0, "away_since": None,
    "last_error": None, "sent_total": 5, "failures_total": 0, "parked_total": 1,
}  # fmt: skip


class FakeApi:
    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.live, self.changed = True, 2
        self.status: dict[str, Any] = dict(STATUS)

    def registrations(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        self.asked.append(dict(wanted))
        phone = {
            "user": "1001", "contact": "sip:1001@a", "received": None, "expires": 61,
            "user_agent": "", "socket": "tls:10.5.1.2:5061",
        }  # fmt: skip
        return {"registrations": [phone], "live": self.live}

    def registration_history(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        self.asked.append(dict(wanted))
        number = int(wanted["limit"])
        return {"events": [EVENT] * min(number, 1000), "next": "here" if number == 1000 else None}

    def remove_registration(self, user: str, contact: str | None) -> dict[str, Any]:
        self.asked.append((user, contact))
        return {"user": user, "contacts": ["sip:a\x1b", "sip:b"]}

    def pushes(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        self.asked.append(dict(wanted))
        return {"status": self.status, "pushes": [PUSH]}

    def push(self, number: int) -> dict[str, Any]:
        return PUSH | {"id": number}

    def retry_pushes(self, number: int | None) -> int:
        self.asked.append(number)
        return self.changed

    def purge_pushes(self, state: str, older_than: str | None) -> int:
        self.asked.append((state, older_than))
        return self.changed


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    made = FakeApi()
    for module in (pushes, registrations):
        monkeypatch.setattr(module, "client", lambda _context: made)
    return made


def run(app: typer.Typer, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin, obj=Workspace(Path()))


def phones(*arguments: str) -> Result:
    return run(registrations.registrations_app, *arguments)


def outbox(*arguments: str) -> Result:
    return run(pushes.pushes_app, *arguments)


def test_who_is_registered(api: FakeApi) -> None:
    result = phones("list", "1001", "--limit", "5")
    assert api.asked == [{"user": "1001", "limit": "5"}]
    assert result.stdout.splitlines()[1].split() == [
        "1001", "sip:1001@a", "-", "tls", "1:01", "-"
    ]  # fmt: skip
    assert not result.stderr
    api.live = False
    assert "up to 10 s ago" in phones("list").stderr
    assert json.loads(phones("list", "--json").stdout)["live"] is False


def test_history_reads_as_many_pages_as_it_takes(api: FakeApi) -> None:
    result = phones("history", "--since", "12h", "--event", "refused", "--limit", "1500", "--json")
    assert len(result.stdout.splitlines()) == 1500
    wanted = {"since": "12h", "event": "refused"}
    assert api.asked == [
        wanted | {"limit": "1000"},
        wanted | {"limit": "500", "before": "here"},
    ]


@pytest.mark.usefixtures("api")
def test_history_tells_from_where_and_steers_no_terminal() -> None:
    line = phones("history", "1001").stdout.splitlines()[1]
    assert "2030-05-17 08:00:00  1001  refused (auth-failed)  203.0.113.9:1024  udp" in line
    assert "\x1b" not in line


def test_removing_registrations_needs_a_word(api: FakeApi) -> None:
    result = phones("remove", "1001")
    assert isinstance(result.exception, BadInput)
    assert not api.asked
    result = phones("remove", "1001", "sip:a", "--yes")
    assert api.asked == [("1001", "sip:a")]
    assert result.stdout == "Removed sip:a\\x1b of 1001.\nRemoved sip:b of 1001.\n"
    assert json.loads(phones("remove", "1001", "-y", "--json").stdout)["user"] == "1001"


def test_the_outbox_at_a_glance(api: FakeApi) -> None:
    result = outbox("list", "--state", "parked", "--user", "1001")
    assert api.asked == [{"limit": "50", "state": "parked", "user": "1001"}]
    lines = result.stdout.splitlines()
    assert lines[:2] == ["Your application answers.", "0 wait; 1 are parked."]
    assert lines[4].split()[-2:] == ["answers", "500"]
    assert "pushes" in json.loads(outbox("list", "--json").stdout)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"enabled": False}, "Nobody is told: telemetry.registrations.url is not set."),
        ({"sent_total": 0}, "Nothing was sent yet."),
        (
            {"away_since": "2030-05-17T08:00:00Z", "last_error": "answers 500"},
            "Your application is away since 2030-05-17 08:00:00 (UTC): answers 500",
        ),
        ({"pending": 4, "lag_seconds": 62.5}, "4 wait, the oldest for 1:02; 1 are parked."),
    ],
)
def test_what_the_outbox_says_first(api: FakeApi, changed: dict[str, Any], line: str) -> None:
    api.status |= changed
    assert line in outbox("list").stdout.splitlines()[:2]


@pytest.mark.usefixtures("api")
def test_one_push_with_its_document() -> None:
    shown = outbox("show", "7").stdout
    assert f"Idempotency-Key: {'ab' * 32}" in shown
    assert "\x1b" not in shown
    assert json.loads(outbox("show", "7", "--json").stdout)["id"] == 7


def test_retry_of_all_or_one(api: FakeApi) -> None:
    assert outbox("retry").stdout == "2 will be sent again.\n"
    assert outbox("retry", "7", "--json").stdout == '{"pushes": 2}\n'
    api.changed = 0
    result = outbox("retry", "7")
    assert (result.exit_code, result.stderr.split(" ", 1)[0]) == (1, "7")
    assert api.asked == [None, 7, 7]


def test_purging_needs_a_word(api: FakeApi) -> None:
    assert isinstance(outbox("purge").exception, BadInput)
    assert not api.asked
    assert outbox("purge", "--yes").stdout == "2 will never be sent.\n"
    outbox("purge", "--yes", "--state", "pending", "--older-than", "2h", "--json")
    assert api.asked == [("parked", None), ("pending", "2h")]
