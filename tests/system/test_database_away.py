"""Without MariaDB, calls and registrations go on; Kamailio waits for it when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.system.test_calls import assert_both_hear, connect, phones
from tests.system.test_failover import stopped
from tests.system.test_pbx_pair import place

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from tests.system.stack import Stack


def test_calls_and_registrations_go_on(system: Stack) -> None:
    accounts = system.subscriber(), system.subscriber()
    with stopped(system, "mariadb"):
        with system.phone(accounts[0]) as alice, system.phone(accounts[1], "tls") as bob:
            alice.wait_registered()
            bob.wait_registered()
            call, came = connect(alice, bob)
            assert_both_hear(alice, bob)
            call.hangup()
            came.wait_closed()
            place(alice, "600")
        refused = system.cli("subscribers", "add", "4711")
        assert refused.status == 1
        assert "database" in refused.err.lower() or "mariadb" in refused.err.lower()
    assert system.cli("subscribers", "add", "4711").status == 0
    assert system.cli("subscribers", "remove", "4711", "--yes").status == 0


def test_kamailio_waits_for_the_database_and_says_so(system: Stack) -> None:
    sbc = system.container("kamailio_sbc")
    with stopped(system, "mariadb"):
        system.engine.docker("stop", sbc, timeout=90)
        before = len(system.logs("kamailio_sbc"))
        system.engine.docker("start", sbc)
        wait_until(
            lambda: "waiting for MariaDB" in system.logs("kamailio_sbc")[before:],
            20,
            "Kamailio to say that it waits for the database",
        )
        state = system.engine.container_state(sbc)
        assert state is not None
        assert state.restarts == 0
    with phones(system, "udp") as (alice,):
        place(alice, "600")


def test_registrations_outlive_the_sbc(system: Stack) -> None:
    """They are in MariaDB: after a restart of Kamailio the phone is called as before."""
    with phones(system, "udp", "udp") as (alice, bob):
        system.engine.docker("restart", system.container("kamailio_sbc"), timeout=90)
        system.wait_well()
        call, came = connect(alice, bob)
        assert_both_hear(alice, bob)
        call.hangup()
        came.wait_closed()
