"""The two Asterisks behave as one: calls are spread, a room is one room, a mailbox one mailbox."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.system.stack import NODES
from tests.system.test_calls import assert_both_hear, phones

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.call import Call
    from ringwall.checks.phone import Account, Phone

_SPEAKS = -45
"""dBFS: louder is a voice."""


def place(phone: Phone, number: str) -> None:
    """Call, be answered, hang up."""
    call = phone.dial(number)
    call.wait_established()
    call.hangup()
    call.wait_closed()


def node_of(system: Stack, phone: Phone, number: str) -> tuple[str, Call]:
    """Call ``number``; return the node that has the call, and the call."""
    before = {node: system.calls_processed(node) for node in NODES}
    call = phone.dial(number)
    call.wait_established()
    (node,) = [node for node in NODES if system.calls_processed(node) > before[node]]
    return node, call


def leave_message(system: Stack, caller: Phone, mailbox: str) -> str:
    """Say the caller's melody into a mailbox whose phone is absent; return the node."""
    node, call = node_of(system, caller, mailbox)
    wait_until(lambda: caller.heard(caller.melody).level > _SPEAKS, 10, "the mailbox to greet")
    call.press("#")  # no need to hear the rest
    begun = len(caller.packets)
    # A melody takes 3.2 s, that is 160 packets each way; the beep comes before it.
    wait_until(lambda: len(caller.packets) > begun + 2 * 300, 15, "the message to be said")
    call.hangup()
    call.wait_closed()
    return node


def assert_message_heard(
    system: Stack, account: Account, speaker: Phone, not_by: str | None
) -> None:
    """The owner hears the melody of ``speaker`` in the own mailbox, on another node than that."""
    with system.phone(account) as owner:
        owner.wait_registered()
        for _ in range(4):
            node, call = node_of(system, owner, "700")
            if node != not_by:
                break
            call.hangup()
            call.wait_closed()
        assert node != not_by
        wait_until(lambda: owner.heard(speaker.melody).level > _SPEAKS, 10, "the mailbox to speak")
        call.press("1")
        heard = owner.wait_heard(speaker.melody, 45)
        assert heard.complete, str(heard)
        call.hangup()


def test_ten_calls_go_half_and_half(system: Stack) -> None:
    before = {node: system.calls_processed(node) for node in NODES}
    with phones(system, "udp") as (alice,):
        for _ in range(10):
            place(alice, "600")
    after = {node: system.calls_processed(node) for node in NODES}
    assert {node: after[node] - before[node] for node in NODES} == dict.fromkeys(NODES, 5)


def test_a_room_is_one_room(system: Stack) -> None:
    """Both hear each other in every run, whichever node the next call would have gone to."""
    with phones(system, "udp", "tcp") as (alice, bob):
        for run in range(3):
            if run:
                place(alice, "600")
            calls = [phone.dial("603") for phone in (alice, bob)]
            for call in calls:
                call.wait_established()
            since = time.time()
            assert_both_hear(alice, bob, since)
            for call in calls:
                call.hangup()
                call.wait_closed()


def test_a_message_left_with_one_node_is_heard_through_the_other(system: Stack) -> None:
    absent = system.subscriber()
    with phones(system, "udp") as (alice,):
        node = leave_message(system, alice, absent.username)
        assert_message_heard(system, absent, alice, not_by=node)
