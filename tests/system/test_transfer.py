"""Transfers: whoever is transferred talks with the new one, and the old one is out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.system.test_calls import assert_both_hear, connect, phones

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.call import Call
    from ringwall.checks.phone import Phone


def test_blind_transfer(system: Stack) -> None:
    with phones(system, "udp", "udp", "udp") as (alice, bob, carol):
        first, _ = connect(alice, bob)
        first.transfer(carol.line.uri(carol.account.username))
        carol.wait_incoming().accept()
        since = time.time()
        first.wait_closed()
        assert_both_hear(bob, carol, since)


def test_the_called_one_transfers(system: Stack) -> None:
    with phones(system, "udp", "tls", "tcp") as (alice, bob, carol):
        _, came = connect(alice, bob)
        came.transfer(carol.line.uri(carol.account.username))
        carol.wait_incoming().accept()
        since = time.time()
        came.wait_closed()
        assert_both_hear(alice, carol, since)


def test_attended_transfer(system: Stack) -> None:
    """Both calls of the one who transfers live on one PBX node, so that Replaces finds its call."""
    with phones(system, "udp", "udp", "udp") as (alice, bob, carol):
        first, _ = connect(alice, bob)
        first.hold()
        second, _ = connect(alice, carol)
        assert_both_hear(alice, carol)
        first.transfer(_replacing(alice, carol, second))
        first.wait_closed()
        second.wait_closed()
        assert_both_hear(bob, carol, time.time())


def _replacing(phone: Phone, other: Phone, call: Call) -> str:
    """The Refer-To of an attended transfer (RFC 3891): the dialog that ``call`` is."""
    answer = next(
        message
        for message in phone.messages
        if message.header("Call-ID") == call.id and message.status == 200
    )
    theirs = answer.header("To").partition("tag=")[2]
    ours = answer.header("From").partition("tag=")[2]
    replaces = quote(f"{call.id};to-tag={theirs};from-tag={ours}", safe="")
    return f"<{other.line.uri(other.account.username)}?Replaces={replaces}>"
