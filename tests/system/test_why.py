"""Whoever was refused can be told why: by address, by Call-ID, by user."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.configured import configured
from tests.system.raw import Dialog, RawClient

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

    from ringwall.checks.sip import Message

_STRANGE_ROUTE = "Route: <sip:192.0.2.1;lr>\r\n"


def test_a_route_that_leads_elsewhere(system: Stack) -> None:
    dialog = Dialog("1001", system.domain, "600")
    assert _asked(system, dialog, extra=_STRANGE_ROUTE).status == 403
    _assert_told(system, dialog, "preloaded-route")


def test_a_foreign_domain(system: Stack) -> None:
    dialog = Dialog("1001", system.domain, "600")
    assert _asked(system, dialog, uri="sip:600@example.org").status == 403
    _assert_told(system, dialog, "not-our-domain")


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_what_is_malformed(system: Stack, method: str) -> None:
    dialog = Dialog("1001", system.domain, "600")
    assert _asked(system, dialog, method, extra="Expires: soon\r\n").status == 400
    _assert_told(system, dialog, "malformed")


def test_an_unknown_user_after_authentication(system: Stack) -> None:
    account = system.subscriber()
    dialog = Dialog(account.username, system.domain, "nobody")
    with RawClient(system.edge) as client:
        answer = client.ask_as("MESSAGE", dialog, account)
    assert answer.status == 404
    _assert_told(system, dialog, "no-such-user")


def test_nothing_to_tell(system: Stack) -> None:
    said = system.cli("why", "nobody-ever-sent-this")
    assert said.status == 1
    assert "challenge" in said.err


@pytest.fixture
def unlimited(system: Stack) -> Iterator[Stack]:
    """The same without budgets: all of a burst is refused, none of it in silence."""
    with configured(system, "security:\n  flood: off\n"):
        yield system


def test_a_burst_is_few_rows_that_add_up(unlimited: Stack) -> None:
    system, user = unlimited, f"burst{time.time_ns()}"
    with RawClient(system.edge) as client:
        _quiet(system, client.address)
        before = _counted(system, client.address)
        for _ in range(500):
            dialog = Dialog(user, system.domain, "600", remote_tag="none")
            assert client.ask("BYE", dialog).status == 481
        wait_until(
            lambda: _counted(system, client.address)[1] == before[1] + 500, 20, "500 to be counted"
        )
    assert _counted(system, client.address)[0] - before[0] <= 20


def _asked(
    system: Stack, dialog: Dialog, method: str = "INVITE", uri: str | None = None, extra: str = ""
) -> Message:
    """Send it when its kind of refusal was not just told of from here."""
    with RawClient(system.edge) as client:
        _quiet(system, client.address)
        return client.ask(method, dialog, uri, extra)


def _quiet(system: Stack, address: str) -> None:
    """Wait until no window is open for this address: the first refusal is told in full then."""
    sbc = system.container("kamailio_sbc")
    wait_until(
        lambda: address not in system.engine.exec(sbc, "kamcmd", "htable.dump", "verdicts"),
        20,
        "windows of verdicts to be over",
    )


def _assert_told(system: Stack, dialog: Dialog, reason: str) -> None:
    wait_until(lambda: bool(_why(system, dialog.call_id)), 10, f"{dialog.call_id} on record")
    with RawClient(system.edge) as client:
        here = client.address
    for subject in (dialog.call_id, here, dialog.user):
        said = system.cli("why", subject)
        assert said.status == 0, said.err
        assert reason in said.out.splitlines()[0]
        assert "What to do: " in said.out


def _counted(system: Stack, address: str) -> tuple[int, int]:
    """How many rows there are of ends of calls that were none, and how many requests they count."""
    rows = [row for row in _why(system, address) if row["reason"] == "no-dialog"]
    return len(rows), sum(row["count"] for row in rows)


def _why(system: Stack, subject: str) -> list[dict[str, Any]]:
    said = system.cli("why", subject, "--json", "--limit", "1000")
    rows: list[dict[str, Any]] = json.loads(said.out)["verdicts"]
    return rows
