"""Calls between two phones, from the first ring to the last BYE."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.system.stack import RING_S

from ringwall.checks.call import CallFailed
from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

    from ringwall.checks.call import Call
    from ringwall.checks.phone import Phone, Transport


@contextmanager
def phones(
    system: Stack, *transports: Transport, answers: bool = False
) -> Iterator[tuple[Phone, ...]]:
    """Registered phones; all but the first answer by themselves where ``answers`` says so."""
    with ExitStack() as stack:
        made = tuple(
            stack.enter_context(system.phone(transport=transport, answers=answers and n > 0))
            for n, transport in enumerate(transports)
        )
        for phone in made:
            phone.wait_registered()
        yield made


def connect(caller: Phone, callee: Phone) -> tuple[Call, Call]:
    """Call, let it ring, answer; return both ends of the call."""
    begun = time.monotonic()
    out = caller.dial(callee.account.username)
    came = callee.wait_incoming(after=begun)
    out.wait_ringing()
    came.accept()
    out.wait_established()
    came.wait_established()
    return out, came


def assert_both_hear(one: Phone, other: Phone, since: float = 0) -> None:
    """Each hears the melody of the other, all of it."""
    for ear, mouth in ((one, other), (other, one)):
        heard = ear.wait_heard(mouth.melody, since=since)
        assert heard.complete, f"{ear} heard {heard}"


@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        ("udp", "udp"),
        ("tcp", "udp"),
        ("udp", "tcp"),
        ("tls", "udp"),
        ("udp", "tls"),
        ("tls", "tls"),
    ],
)
def test_two_phones_hear_each_other(system: Stack, caller: Transport, callee: Transport) -> None:
    with phones(system, caller, callee) as (alice, bob):
        out, came = connect(alice, bob)
        assert_both_hear(alice, bob)
        out.hangup()
        assert came.wait_closed() is None


def test_the_called_one_may_hang_up(system: Stack) -> None:
    with phones(system, "udp", "udp") as (alice, bob):
        out, came = connect(alice, bob)
        assert_both_hear(alice, bob)
        came.hangup()
        assert out.wait_closed() is None
        assert _answered(bob, "BYE") == [200]


def test_a_call_is_cancelled_while_it_rings(system: Stack) -> None:
    with phones(system, "udp", "udp") as (alice, bob):
        out = alice.dial(bob.account.username)
        came = bob.wait_incoming()
        out.wait_ringing()
        out.hangup()
        came.wait_closed()
        out.wait_closed()
        wait_until(lambda: 487 in _answered(alice, "INVITE"), 5, "487")
        assert _answered(alice, "CANCEL") == [200]


def test_busy_reaches_the_caller(system: Stack) -> None:
    with phones(system, "udp", "udp") as (alice, bob):
        out = alice.dial(bob.account.username)
        came = bob.wait_incoming()
        came.hangup()
        assert out.wait_closed() == 486


def test_hold_and_resume(system: Stack) -> None:
    with phones(system, "udp", "udp") as (alice, bob):
        out, came = connect(alice, bob)
        assert_both_hear(alice, bob)
        out.hold()
        held = time.time() + 0.3
        assert not alice.wait_heard(bob.melody, 4, since=held).complete
        out.resume()
        assert_both_hear(alice, bob, since=time.time())
        out.hangup()
        came.wait_closed()


def test_the_called_one_may_hold_too(system: Stack) -> None:
    with phones(system, "udp", "tls") as (alice, bob):
        out, came = connect(alice, bob)
        assert_both_hear(alice, bob)
        came.hold()
        came.resume()
        assert_both_hear(alice, bob, since=time.time())
        out.hangup()
        came.wait_closed()


def test_nobody_has_this_number(system: Stack) -> None:
    with phones(system, "udp") as (alice,):
        out = alice.dial("59999999")
        assert out.wait_closed() == 404


def test_no_answer_leads_to_the_mailbox(system: Stack) -> None:
    with phones(system, "udp", "udp") as (alice, bob):
        out = alice.dial(bob.account.username)
        came = bob.wait_incoming()
        out.wait_established(RING_S + 5)
        came.wait_closed()
        wait_until(lambda: alice.heard(alice.melody).level > -45, 10, "the mailbox to speak")
        out.hangup()


def test_no_phone_leads_to_the_mailbox(system: Stack) -> None:
    absent = system.subscriber()
    with phones(system, "udp") as (alice,):
        out = alice.dial(absent.username)
        out.wait_established()
        wait_until(lambda: alice.heard(alice.melody).level > -45, 10, "the mailbox to speak")
        out.hangup()


def test_a_call_to_oneself_reaches_the_mailbox_or_rings(system: Stack) -> None:
    """Whatever comes, it ends, and the phone works afterwards."""
    with phones(system, "udp") as (alice,):
        out = alice.dial(alice.account.username)
        alice.wait_incoming()
        out.hangup()
        out.wait_closed()
        again = alice.dial("600")
        again.wait_established()
        again.hangup()


def test_a_phone_that_vanished_ends_in_the_mailbox(system: Stack) -> None:
    """Registered, but its container is gone: the caller is not left in silence."""
    with phones(system, "udp") as (alice,):
        with system.phone() as bob:
            bob.wait_registered()
            system.engine.docker("kill", bob.name)
        out = alice.dial(bob.account.username)
        try:
            out.wait_established(RING_S + 10)
        except CallFailed as error:
            pytest.fail(f"no mailbox: {error}")
        out.hangup()


def _answered(phone: Phone, method: str) -> list[int]:
    """The final statuses of requests of this method, challenges left out."""
    return [
        message.status
        for message in phone.messages
        if message.method == method
        and (message.status or 0) >= 200
        and message.status != 407
        and message.status is not None
    ]
