"""Digest: what a thief of credentials, a cheap client or a curious callee gets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.system.party import Party
from tests.system.raw import Dialog, RawClient, authorization, challenges

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.phone import Account
    from ringwall.checks.sip import Message

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
        assert client.ask("REGISTER", dialog, extra=bent).status == 401
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
        called.client.send(_answer(came, status, bait))
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
        bait = _answer(
            came, "401 Unauthorized", 'WWW-Authenticate: Digest realm="b", nonce="n"\r\n'
        )
        called.client.send(bait.replace("branch=z9hG4bK", "branch=z9hG4bKother", 1))
        called.client.send(_answer(came, "200 OK"))
        assert client.final("MESSAGE").status == 200


def _answer(request: Message, status: str, extra: str = "") -> str:
    kept = "".join(
        f"{name}: {value}\r\n"
        for name in ("Via", "From", "To", "Call-ID", "CSeq")
        for value in request.headers(name)
    )
    return f"SIP/2.0 {status}\r\n{kept}{extra}Content-Length: 0\r\n\r\n"


def _proof(system: Stack, client: RawClient, account: Account) -> str:
    """Credentials for a REGISTER that has not been sent."""
    dialog = Dialog(account.username, system.domain)
    challenged = client.ask("REGISTER", dialog)
    return authorization(challenged, "REGISTER", client.uri(dialog), account, "SHA-256")
