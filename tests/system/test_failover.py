"""A PBX node is gone: calls go on, and it is used again when it is back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.system.stack import NODES
from tests.system.test_calls import assert_both_hear, connect, phones
from tests.system.test_pbx_pair import node_of, place

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

    from ringwall.checks.call import Call
    from ringwall.checks.phone import Phone


@contextmanager
def stopped(system: Stack, *roles: str, kill: bool = False) -> Iterator[None]:
    """Stop containers, or kill them; bring them back afterwards."""
    containers = [system.container(role) for role in roles]
    system.engine.docker("kill" if kill else "stop", *containers, timeout=90)
    try:
        yield
    finally:
        system.engine.docker("start", *containers)
        system.wait_well()


def test_a_stopped_node_is_left_out_and_taken_back(system: Stack) -> None:
    gone, other = NODES
    with phones(system, "udp", "udp") as (alice, bob):
        with stopped(system, gone, kill=True):
            for _ in range(4):  # the SBC has not noticed yet: it must find out by calling
                node, call = node_of_running(system, alice, other)
                assert node == other
                call.hangup()
                call.wait_closed()
            system.wait_nodes(**{gone: "down", other: "up"})
            call, came = connect(alice, bob)
            assert_both_hear(alice, bob)
            call.hangup()
            came.wait_closed()
            assert system.cli("status").status == 1
        system.wait_nodes(**{gone: "up", other: "up"})
        used = set()
        for _ in range(4):
            node, call = node_of(system, alice, "600")
            call.hangup()
            call.wait_closed()
            used.add(node)
        assert used == set(NODES)


def node_of_running(system: Stack, phone: Phone, running: str) -> tuple[str | None, Call]:
    """Like node_of, where the other node cannot be asked."""
    before = system.calls_processed(running)
    call = phone.dial("600")
    call.wait_established()
    return running if system.calls_processed(running) > before else None, call


def test_a_node_may_be_down_when_the_sbc_starts(system: Stack) -> None:
    with stopped(system, NODES[1]):
        system.engine.docker("restart", system.container("kamailio_sbc"), timeout=90)
        system.wait_nodes(**{NODES[0]: "up", NODES[1]: "down"})
        with phones(system, "udp") as (alice,):
            for _ in range(3):
                place(alice, "600")
    system.wait_nodes(**dict.fromkeys(NODES, "up"))


def test_no_node_at_all_is_told_at_once(system: Stack) -> None:
    with phones(system, "udp") as (alice,), stopped(system, *NODES):
        call = alice.dial("600")
        assert call.wait_closed(10) in {500, 503}
        wait_until(lambda: alice.dial("600").wait_closed(10) == 503, 20, "503")
