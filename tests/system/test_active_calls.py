"""The calls that go on, from the command line: seen, and ended on all sides."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.sipp import Sipp
from tests.system.test_calls import connect, phones

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.phone import Phone

MANY = 70
"""More dialogs than Kamailio can tell of in one answer."""


def active(system: Stack, caller: Phone) -> dict[str, Any] | None:
    said = system.cli("calls", "list", "--json")
    assert said.status == 0, said.err
    calls = json.loads(said.out)["calls"]
    mine = [call for call in calls if call["caller"] == caller.account.username]
    assert len(mine) < 2
    return mine[0] if mine else None


def test_an_answered_call_is_seen_and_ended(system: Stack) -> None:
    with phones(system, "udp", "tls") as (alice, bob):
        out, came = connect(alice, bob)
        call = active(system, alice)
        assert call is not None
        assert call["dialled"] == bob.account.username
        assert call["state"] == "answered"
        assert call["node"] in {"asterisk_1", "asterisk_2"}
        assert call["source"] == str(alice.address)
        assert [leg["direction"] for leg in call["legs"]] == ["from-user", "to-user"]
        assert call["id"] == call["legs"][0]["call_id"] != call["legs"][1]["call_id"]
        second = call["legs"][1]["call_id"]
        assert call["id"] in system.cli("calls", "show", second).out
        said = system.cli("calls", "hangup", second, "--yes")
        assert (said.status, said.out) == (0, f"Ended {call['id']}.\n"), said.err
        out.wait_closed()
        came.wait_closed()
        assert active(system, alice) is None
        gone = system.cli("calls", "hangup", call["id"], "--yes")
        assert gone.status == 2
        assert f"no call {call['id']} goes on" in gone.err


def test_a_call_that_rings_is_seen_and_ended(system: Stack) -> None:
    with phones(system, "udp", "udp") as (alice, bob):
        out = alice.dial(bob.account.username)
        came = bob.wait_incoming()
        out.wait_ringing()
        call = active(system, alice)
        assert call is not None
        assert (call["state"], call["answered_at"]) == ("ringing", None)
        said = system.cli("calls", "hangup", call["id"], "--yes", "--json")
        assert json.loads(said.out) == {"id": call["id"], "legs": 2, "left": 0}
        out.wait_closed()
        came.wait_closed()


def test_ending_a_call_needs_a_word(system: Stack) -> None:
    with phones(system, "udp") as (alice,):
        out = alice.dial("600")
        out.wait_established()
        call = active(system, alice)
        assert call is not None
        said = system.cli("calls", "hangup", call["id"])
        assert said.status == 2
        assert "--yes" in said.err
        assert not out.closed
        out.hangup()


@pytest.mark.parametrize("command", ["show", "hangup"])
def test_a_call_that_never_was(system: Stack, command: str) -> None:
    options = ["--yes"] if command == "hangup" else []
    said = system.cli("calls", command, "never/was@here", *options)
    assert said.status == 2
    assert "no call never/was@here goes on" in said.err


def test_many_calls(system: Stack) -> None:
    account = system.subscriber()
    seen: list[dict[str, Any]] = []

    def there_are_many() -> bool:
        said = system.cli("calls", "list", "--json")
        assert said.status == 0, said.err
        seen.append(json.loads(said.out))
        return not seen[-1]["live"]

    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(Sipp(system, account).play, "call", calls=MANY)
        wait_until(there_are_many, 20, f"{MANY} calls to go on", 0.2)
        playing.result(timeout=60)
    # One that has begun this moment has no node yet.
    mine = [one for one in seen[-1]["calls"] if one["caller"] == account.username and one["node"]]
    assert len(mine) > MANY // 2
    assert {one["dialled"] for one in mine} == {"600"}
