"""Digest: what a thief of credentials, a cheap client or a curious callee gets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.system.inside import heard_inside
from tests.system.party import Party, reply_to
from tests.system.raw import Dialog, RawClient, authorization, challenges

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.phone import Account

_REPEAT = """
import socket, sys
way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
way.settimeout(5)
way.sendto(sys.argv[2].encode(), (sys.argv[1], 5060))
print(way.recv(65535).decode())
"""


def test_stolen_credentials_are_good_nowhere_else(system: Stack) -> None:
    """From another address the thief is told to try again; the owner is not harmed by it."""
    account = system.subscriber()
    with RawClient(system.edge) as client:
        own = Dialog(account.username, system.domain)
        proof = _proof(system, client, account)
        stolen = client.request("REGISTER", own, extra=proof)
        said = system.tools("python3", "-c", _REPEAT, system.edge, stolen)
        assert said.startswith("SIP/2.0 401 ")
        assert "stale=true" in said
        assert not system.is_registered(account)
        again = Dialog(account.username, system.domain)
        assert client.ask("REGISTER", again, extra=proof).status == 200
        answer = client.ask("REGISTER", Dialog(account.username, system.domain), extra=proof)
        assert (answer.status, challenges(answer)[0]["stale"]) == (401, "true")


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        (r"qop=auth, nc=\w+, cnonce=", "cnonce="),
        (r"nc=\w+, ", ""),
        (r"nc=\w+", "nc=1"),
        (r"qop=auth", "qop=auth-int"),
        (r'cnonce="\w+"', 'cnonce=""'),
        (r"algorithm=SHA-256", "algorithm=SHA-512"),
        (r"algorithm=SHA-256", "algorithm=MD5"),
        (r'nonce="\w', 'nonce="_'),
        (r'username="\w+"', 'username="nobody"'),
        (r'username="\w+"', 'username="\x01\udcff"'),
        (r'username="(\w+)"', r'username="\1'),
        (r'realm="[^"]+"', 'realm="elsewhere.example"'),
        (r'response="\w+"', f'response="{"0" * 4000}"'),
    ],
)
def test_bent_credentials_are_challenged(system: Stack, written: str, instead: str) -> None:
    account = system.subscriber()
    with RawClient(system.edge) as client:
        proof = _proof(system, client, account)
        bent = re.sub(written, instead, proof, count=1)
        assert bent != proof
        dialog = Dialog(account.username, system.domain)
        # 400: what cannot be read at all, the sanity check refuses.
        assert client.ask("REGISTER", dialog, extra=bent).status in {400, 401}
        good = Dialog(account.username, system.domain)
        assert client.ask_as("REGISTER", good, account).status == 200


def test_other_credentials_beside_the_good_ones_prove_nothing(system: Stack) -> None:
    account, other = system.subscriber(), system.subscriber()
    with RawClient(system.edge) as client:
        proof = _proof(system, client, account)
        beside = proof.replace(account.username, other.username, 1)
        for first in (beside, "Proxy-" + beside):
            dialog = Dialog(other.username, system.domain)
            assert client.ask("REGISTER", dialog, extra=first + proof).status == 401
    assert not system.is_registered(other)


@pytest.mark.parametrize(("number", "status"), [(2**31 - 1, 401), (2**31, 400), (2**32 + 1, 400)])
def test_a_sequence_number_has_31_bits(system: Stack, number: int, status: int) -> None:
    with RawClient(system.edge) as client:
        assert client.ask("REGISTER", Dialog("1", system.domain, cseq=number - 1)).status == status


@pytest.mark.parametrize(
    ("status", "header"),
    [("401 Unauthorized", "WWW"), ("407 Proxy Authentication Required", "Proxy")],
)
def test_nobody_else_asks_for_a_password(system: Stack, status: str, header: str) -> None:
    """A called phone that challenges a MESSAGE would have the caller's answer to it."""
    account = system.subscriber()
    with Party(system, system.subscriber()) as called, RawClient(system.edge) as client:
        called.register()
        dialog = Dialog(account.username, system.domain, called.account.username)
        refused = client.ask("MESSAGE", dialog)
        proof = authorization(refused, "MESSAGE", client.uri(dialog), account, "SHA-256")
        client.send(client.request("MESSAGE", dialog, extra=proof))
        came = called.expect("MESSAGE")
        bait = f'{header}-Authenticate: Digest realm="bait", nonce="n"\r\n'
        called.client.send(reply_to(came, status, bait))
        answer = client.final("MESSAGE")
    assert answer.status == 403
    assert "bait" not in answer.text


def test_an_answer_to_nothing_asks_for_no_password(system: Stack) -> None:
    """One with another branch belongs to no transaction, and would follow its second Via."""
    with Party(system, system.subscriber()) as called, RawClient(system.edge) as client:
        called.register()
        account = system.subscriber()
        dialog = Dialog(account.username, system.domain, called.account.username)
        refused = client.ask("MESSAGE", dialog)
        proof = authorization(refused, "MESSAGE", client.uri(dialog), account, "SHA-256")
        client.send(client.request("MESSAGE", dialog, extra=proof))
        came = called.expect("MESSAGE")
        bait = reply_to(
            came, "401 Unauthorized", 'WWW-Authenticate: Digest realm="b", nonce="n"\r\n'
        )
        called.client.send(bait.replace("branch=z9hG4bK", "branch=z9hG4bKother", 1))
        called.client.send(reply_to(came, "200 OK"))
        assert client.final("MESSAGE").status == 200


def test_no_challenge_reaches_the_pbx(system: Stack) -> None:
    """Neither to an INVITE nor to the BYE of a call: the PBX would be the caller who answers it."""
    caller, account = system.subscriber(), system.subscriber()
    bait = 'Proxy-Authenticate: Digest realm="bait", nonce="n"\r\n'
    status = "407 Proxy Authentication Required"
    with (
        heard_inside(system) as heard,
        Party(system, account) as called,
        Party(system, caller) as calling,
    ):
        called.register()
        refused = calling.invite(account.username)
        called.client.send(reply_to(called.expect("INVITE"), status, bait))
        called.expect("ACK")
        wait_until(lambda: "SIP/2.0 403" in heard(), 10, "the refusal inside")
        assert calling.final(refused) == 403
        leg = calling.invite(account.username)
        called.answer(called.ringing())
        assert calling.final(leg) == 200
        calling.hang_up(leg)
        called.client.send(reply_to(called.expect("BYE"), status, bait))
        wait_until(lambda: heard().count("SIP/2.0 403") >= 2, 10, "the answer to the BYE inside")
        told = heard()
    assert "SIP/2.0 407" not in told
    assert "bait" not in told


def test_what_is_proved_for_one_number_is_good_for_no_other(system: Stack) -> None:
    account = system.subscriber()
    with RawClient(system.edge) as client:
        dialog = Dialog(account.username, system.domain, "600")
        challenged = client.ask("MESSAGE", dialog)
        proof = authorization(challenged, "MESSAGE", f"sip:601@{system.domain}", account, "SHA-256")
        assert client.ask("MESSAGE", dialog, extra=proof).status == 407


def _proof(system: Stack, client: RawClient, account: Account) -> str:
    """Credentials for a REGISTER that has not been sent."""
    dialog = Dialog(account.username, system.domain)
    challenged = client.ask("REGISTER", dialog)
    return authorization(challenged, "REGISTER", client.uri(dialog), account, "SHA-256")
