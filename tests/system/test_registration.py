"""Registration over every transport and algorithm; whoever is refused learns nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.system.raw import Dialog, RawClient, authorization, challenges

from ringwall.checks.phone import Account, PhoneError, wait_until

if TYPE_CHECKING:
    from tests.system.raw import Algorithm
    from tests.system.stack import Stack

    from ringwall.checks.phone import Transport
    from ringwall.checks.sip import Message

TRANSPORTS = ["udp", "tcp", "tls"]
_CHANGING = re.compile(
    r'nonce="[^"]*"|branch=[^;\s]*|tag=[^;\s]*|rport=\d+|received=\S+'
    r"|^(Call-ID|CSeq|From|To|Via|Content-Length):.*$",
    re.MULTILINE,
)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_phone_registers(system: Stack, transport: Transport) -> None:
    with system.phone(transport=transport) as phone:
        assert phone.wait_registered().text.startswith("200")
        assert system.is_registered(phone.account)
    wait_until(lambda: not system.is_registered(phone.account), 5, "the phone to be gone")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_both_algorithms_on_every_transport(
    system: Stack, transport: Transport, algorithm: Algorithm
) -> None:
    account = system.subscriber()
    with _client(system, transport) as client:
        dialog = Dialog(account.username, system.domain)
        assert client.ask_as("REGISTER", dialog, account, algorithm).status == 200
        # As long as its connection is.
        assert system.is_registered(account)


def test_the_strong_algorithm_is_offered_first(system: Stack) -> None:
    with _client(system) as client:
        answer = client.ask("REGISTER", Dialog("1000", system.domain))
    assert [one["algorithm"] for one in challenges(answer)] == ["SHA-256", "MD5"]
    assert {one["realm"] for one in challenges(answer)} == {system.domain}
    assert {one["qop"] for one in challenges(answer)} == {"auth"}


def test_a_wrong_password_is_refused(system: Stack) -> None:
    account = Account(system.subscriber().username, "wrong password")
    with system.phone(account) as phone, pytest.raises(PhoneError, match="401"):
        phone.wait_registered()


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE"])
def test_whoever_is_refused_learns_nothing(
    system: Stack, method: str, algorithm: Algorithm
) -> None:
    """Wrong password, unknown user, no such anything: answers alike but for their nonces."""
    known = system.subscriber().username
    faces = {
        _face(_refused(system, method, Account(user, "wrong password"), algorithm))
        for user in (known, "987654321", "nobody", "root")
    }
    assert len(faces) == 1, "\n---\n".join(sorted(faces))
    assert re.match(r"SIP/2.0 40[17] ", faces.pop())


@pytest.mark.parametrize("target", ["600", "known", "unknown"])
def test_a_foreign_from_is_challenged_like_everyone(system: Stack, target: str) -> None:
    """The stock trap: a stranger's From, and a local user as the target."""
    known = system.subscriber().username
    whom = {"600": "600", "known": known, "unknown": "987654321"}[target]
    with _client(system) as client:
        ours = client.ask("INVITE", Dialog(known, system.edge, "600"))
        stranger = Dialog("alice", "elsewhere.example.net", whom)
        foreign = client.ask("INVITE", stranger, uri=f"sip:{whom}@{system.edge}")
    assert foreign.status == 407
    assert _face(foreign) == _face(ours)


def test_an_identity_cannot_be_borrowed(system: Stack) -> None:
    """Good credentials, but somebody else's From."""
    mallory, alice = system.subscriber(), system.subscriber()
    with _client(system) as client:
        answer = client.ask_as("INVITE", Dialog(alice.username, system.edge, "600"), mallory)
    assert answer.status == 403


def test_a_nonce_is_good_for_one_use(system: Stack) -> None:
    account = system.subscriber()
    with _client(system) as client:
        dialog = Dialog(account.username, system.domain)
        refused = client.ask("REGISTER", dialog)
        proof = authorization(refused, "REGISTER", client.uri(dialog), account, "SHA-256")
        assert client.ask("REGISTER", dialog, extra=proof).status == 200
        assert client.ask("REGISTER", dialog, extra=proof).status == 401


def test_a_phone_behind_a_nat_is_kept_alive(system: Stack) -> None:
    """Its Contact is a private address that is not where it sends from: OPTIONS come to it."""
    account = system.subscriber()
    with _client(system) as client:
        dialog = Dialog(account.username, system.domain)
        behind = f"Contact: <sip:{account.username}@192.168.77.7:5062>\r\n"
        refused = client.ask("REGISTER", dialog)
        proof = authorization(refused, "REGISTER", client.uri(dialog), account, "SHA-256")
        text = client.request("REGISTER", dialog, extra=proof)
        client.send(re.sub(r"Contact: .*\r\n", behind, text))
        assert client.final("REGISTER").status == 200
        ping = _next_request(client, system.settings.registrar.keepalive.seconds + 10)
    assert ping.start_line.startswith("OPTIONS ")


def _next_request(client: RawClient, limit: float) -> Message:
    client.patience(limit)
    while (message := client.receive()).status is not None:
        pass
    return message


def _client(system: Stack, transport: Transport = "udp") -> RawClient:
    return RawClient(system.edge, transport, str(system.workspace.certs / "ca.pem"))


def _refused(system: Stack, method: str, account: Account, algorithm: Algorithm) -> Message:
    target = None if method == "REGISTER" else "600"
    with _client(system) as client:
        return client.ask_as(
            method, Dialog(account.username, system.domain, target), account, algorithm
        )


def _face(answer: Message) -> str:
    """What an attacker sees, without what differs from request to request."""
    return _CHANGING.sub("", answer.text)
