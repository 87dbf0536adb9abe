"""What a stranger, or a subscriber with bad intentions, must not get past; what must not stay."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.system.raw import Dialog, RawClient, authorization, challenges, describe, ha1
from tests.system.stack import NODES
from tests.system.test_failover import stopped
from tests.system.test_subscribers import sql

from ringwall.checks.phone import Account, wait_until

if TYPE_CHECKING:
    from tests.system.raw import Algorithm
    from tests.system.stack import Stack

    from ringwall.checks.phone import Transport
    from ringwall.checks.sip import Message

NOBODY = Account("987654321", "wrong password")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_no_constant_is_a_password(
    system: Stack, algorithm: Algorithm, transport: Transport
) -> None:
    """Neither what stands for a missing HA1, nor what a check before has left in the worker."""
    mallory = system.subscriber()
    victims = NOBODY, system.subscriber(), _without_sha256(system)
    left = ha1(mallory, system.domain, algorithm)
    with RawClient(system.edge, transport) as client:
        for victim in victims:
            for guess in _guesses(left):
                system.forget_guesses()
                own = Dialog(mallory.username, system.domain)
                assert client.ask_as("REGISTER", own, mallory, algorithm).status == 200
                tried = Dialog(victim.username, system.domain)
                answer = client.ask_as("REGISTER", tried, victim, algorithm, forged=guess)
                assert answer.status == 401, f"{victim.username} {guess!r}"
                call = Dialog(victim.username, system.domain, "600")
                answer = client.ask_as("INVITE", call, victim, algorithm, forged=guess)
                assert answer.status == 407, f"{victim.username} {guess!r}"


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_a_used_nonce_tells_nobody_apart(system: Stack, algorithm: Algorithm) -> None:
    account = system.subscriber()
    wrong = Account(system.subscriber().username, "wrong password")
    with RawClient(system.edge) as client:
        dialog = Dialog(account.username, system.domain)
        used = client.ask("REGISTER", dialog)
        for one in (wrong, NOBODY):
            answer = client.ask_as("REGISTER", _registration(system, one), one, algorithm)
            assert _stale(answer) == set(), "a fresh nonce is not stale"
        proof = authorization(used, "REGISTER", client.uri(dialog), account, algorithm)
        assert client.ask("REGISTER", dialog, extra=proof).status == 200
        _assert_all_stale(system, client, used, algorithm, account, wrong, NOBODY)


@pytest.mark.long
def test_an_expired_nonce_tells_nobody_apart(system: Stack) -> None:
    account = system.subscriber()
    wrong = Account(account.username, "wrong password")
    lifetime = system.settings.security.digest.nonce_lifetime.seconds
    with RawClient(system.edge) as client:
        old = client.ask("REGISTER", _registration(system, account))
        expired = time.monotonic() + lifetime + 5
        wait_until(lambda: time.monotonic() > expired, lifetime + 10, "the nonce to expire", 1)
        _assert_all_stale(system, client, old, "SHA-256", account, wrong, NOBODY)
        _assert_all_stale(system, client, old, "MD5", account, wrong, NOBODY)


def test_a_dialog_leads_to_its_pbx_only(system: Stack) -> None:
    """No request line, alias or Route of a subscriber makes the SBC send anywhere else."""
    with system.phone() as other, RawClient(system.edge) as client:
        dialog = _call(system, client)
        elsewhere = f"sip:x@{other.address}:5060"
        control, media = system.addresses.control, system.addresses.rtpengine_sbc
        targets = (
            elsewhere,
            f"{elsewhere};alias={other.address}~5060~1",
            f"sip:x@{control}:8080;alias={control}~8080~2",
            f"sip:x@{media}:22222",
        )
        by_route = replace(dialog, routes=(*dialog.routes, f"<{elsewhere};lr>"))
        for target in targets:
            system.forget_host()  # so many refusals are beyond its budget
            client.send(client.request("ACK", dialog, target))
            for method in ("INFO", "UPDATE", "MESSAGE", "INVITE"):
                for one in (dialog, by_route, replace(dialog, routes=())):
                    assert client.ask(method, one, target).status == 481, f"{method} {target}"
        assert client.ask("INFO", by_route).status == 481
        client.send(client.request("ACK", by_route))
        dialog.cseq = by_route.cseq
        by_alias = f"{dialog.contact};alias={other.address}~5060~1"
        assert client.ask("INFO", dialog, by_alias).status == 200, "the PBX itself"
        assert client.ask("BYE", dialog).status == 200
        assert not [one for one in other.packets if dialog.call_id.encode() in one.payload]


@pytest.mark.long
def test_a_vanished_pbx_leaves_no_call(system: Stack) -> None:
    """Keep-alive requests every minute find out that both nodes were killed."""
    with RawClient(system.edge) as client:
        _call(system, client)
        wait_until(lambda: system.api.status()["calls"] > 0, 10, "the call to be counted")
        with stopped(system, *NODES, kill=True):
            wait_until(lambda: system.api.status()["calls"] == 0, 240, "the call to end", 1)


@pytest.mark.long
def test_only_a_registered_phone_keeps_its_connection(system: Stack) -> None:
    account = system.subscriber()
    with RawClient(system.edge, "tcp") as stranger, RawClient(system.edge, "tcp") as phone:
        own = Dialog(account.username, system.domain)
        assert phone.ask_as("REGISTER", own, account).status == 200
        assert stranger.ask("OPTIONS", Dialog("anyone", system.edge, "user")).status == 200
        stranger.patience(75)
        with pytest.raises(ConnectionError):
            stranger.receive()
        assert phone.ask("OPTIONS", Dialog("anyone", system.edge, "user")).status == 200


def _guesses(left: str) -> tuple[str, ...]:
    """Constants of the length of an HA1; short ones, with their NUL, laid over what was there."""
    rest = "\0" * (len(left) - 1)
    over = "\0" + left[2:]
    return "0" * len(left), "0" + rest, "-" + rest, "\0" + rest, "", "0" + over, "-" + over, left


def _without_sha256(system: Stack) -> Account:
    """A subscriber who has an MD5 digest only, as one that was imported."""
    account = system.subscriber()
    where = f"username = '{account.username}'"
    sql(system, f"DELETE FROM subscriber_digests WHERE {where}")  # noqa: S608
    sbc = system.container("kamailio_sbc")
    system.engine.exec(sbc, "kamcmd", "htable.reload", "credentials")
    return account


def _registration(system: Stack, account: Account) -> Dialog:
    return Dialog(account.username, system.domain)


def _assert_all_stale(
    system: Stack, client: RawClient, old: Message, algorithm: Algorithm, *accounts: Account
) -> None:
    for account in accounts:
        dialog = _registration(system, account)
        proof = authorization(old, "REGISTER", client.uri(dialog), account, algorithm)
        answer = client.ask("REGISTER", dialog, extra=proof)
        assert answer.status == 401
        assert _stale(answer) == {"true"}, account


def _stale(answer: Message) -> set[str]:
    return {one["stale"].lower() for one in challenges(answer) if "stale" in one}


def _call(system: Stack, client: RawClient) -> Dialog:
    """An answered call to the echo."""
    account = system.subscriber()
    dialog = Dialog(account.username, system.edge, "600")
    body = describe(client.address, 40000)
    answer = client.ask_as("INVITE", dialog, account, body=body)
    assert answer.status == 200
    dialog.establish(answer)
    client.send(client.request("ACK", dialog))
    return dialog
