"""Layer 5: X-Company-Signature, asked of a group; and that nobody but the SBC ever sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.system.configured import configured
from tests.system.inside import heard_inside
from tests.system.raw import Dialog, RawClient, authorization
from tests.system.signing import face, signer, why

from ringwall.checks.phone import Account, wait_until
from ringwall.security.signature import HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.system.stack import Stack

    from ringwall.checks.sip import Message

_ODD = f"{HEADER.swapcase()}  : secret\r\n folded\r\n"
_GROUP = "security:\n  flood: off\n  signature: {mode: hmac, groups: [app]}\n"


@pytest.fixture(scope="module")
def group_mode(instance: Stack) -> Iterator[None]:
    """The group `app` must sign."""
    with configured(instance, _GROUP):
        yield


@pytest.mark.usefixtures("group_mode")
def test_of_a_group_only_who_signs_gets_in(system: Stack) -> None:
    member, other = system.subscriber(), system.subscriber()
    assert system.cli("subscribers", "group", member.username, "app").status == 0
    with signer(system) as one:
        for account, signs, status in (
            (member, True, 200), (member, False, 401), (other, False, 200), (other, True, 200)
        ):  # fmt: skip
            dialog = Dialog(account.username, system.domain)
            extra = one.header("REGISTER", dialog) if signs else ""
            assert one.client.ask_as("REGISTER", dialog, account, extra=extra).status == status
        one.wait_for_a_new_window()
        dialog = Dialog(member.username, system.domain)
        assert one.client.ask_as("REGISTER", dialog, member).status == 401
    wait_until(lambda: bool(why(system, dialog.call_id)), 10, "the verdict")
    assert why(system, dialog.call_id)[0]["reason"] == "signature-missing"
    assert system.cli("subscribers", "group", member.username).status == 0
    with RawClient(system.edge) as client:
        dialog = Dialog(member.username, system.domain)
        assert client.ask_as("REGISTER", dialog, member).status == 200


@pytest.mark.usefixtures("group_mode")
@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE"])
def test_nobody_learns_who_exists_or_has_to_sign(system: Stack, method: str) -> None:
    """Member, other and unknown user; no, wrong and used credentials; another user's good ones."""
    member, other, mallory = _member(system), system.subscriber(), system.subscriber()
    faces: dict[str, set[str]] = {}
    target = None if method == "REGISTER" else "600"
    with signer(system) as one:
        for user in (member.username, other.username, "nobody"):
            dialog = Dialog(user, system.domain, target)
            liar = Account(user, "wrong password")
            challenge = one.client.ask(method, dialog)
            proof = authorization(challenge, method, one.client.uri(dialog), liar, "SHA-256")
            answers = {
                "none": challenge,
                "wrong": one.client.ask(method, dialog, extra=proof),
                "used": one.client.ask(method, dialog, extra=proof),
                "another's": one.client.ask_as(method, dialog, mallory),
            }
            for name, answer in answers.items():
                faces.setdefault(name, set()).add(face(answer))
    assert {name: len(each) for name, each in faces.items()} == dict.fromkeys(faces, 1)
    assert faces["another's"].pop().startswith("SIP/2.0 403")


@pytest.mark.usefixtures("group_mode")
def test_the_pbx_never_sees_it(system: Stack) -> None:
    """In a call, a re-INVITE and a BYE that all carry it, as no phone has to."""
    account = _member(system)
    with signer(system) as one, heard_inside(system) as heard:
        client, dialog = one.client, one.dialog(account)
        extra = one.header("INVITE", dialog)
        answer = client.ask_as("INVITE", dialog, account, extra=extra, body=one.offer())
        assert answer.status == 200
        dialog.establish(answer)
        client.send(client.request("ACK", dialog, extra=extra))
        odd = _ODD + extra
        assert client.ask("INVITE", dialog, extra=odd, body=one.offer()).status == 200
        client.send(client.request("ACK", dialog, extra=odd))
        assert client.ask("BYE", dialog, extra=odd).status == 200
        _assert_unseen(heard, "INVITE", "ACK", "BYE")


@pytest.mark.usefixtures("group_mode")
def test_the_pbx_does_not_see_that_of_a_cancel(system: Stack) -> None:
    alice, bob = _member(system), _member(system)
    with signer(system) as calls, signer(system) as rings, heard_inside(system) as heard:
        here = Dialog(bob.username, system.domain)
        extra = rings.header("REGISTER", here)
        assert rings.client.ask_as("REGISTER", here, bob, extra=extra).status == 200
        client, dialog = calls.client, calls.dialog(alice, bob.username)
        extra = calls.header("INVITE", dialog)
        challenge = client.ask("INVITE", dialog, extra=extra, body=calls.offer())
        client.send(client.acknowledge(dialog, challenge))
        proof = authorization(challenge, "INVITE", client.uri(dialog), alice, "SHA-256")
        invite = client.request("INVITE", dialog, extra=proof + extra, body=calls.offer())
        client.send(invite)
        # The PBX has called the phone, so it has answered, too: a CANCEL may go there.
        assert rings.client.receive().method == "INVITE"
        via = re.findall(r"Via: .*", invite)[0]
        client.send(re.sub(r"Via: .*", via, client.request("CANCEL", dialog, extra=_ODD + extra)))
        assert client.final("INVITE").status == 487
        _assert_unseen(heard, "INVITE", "CANCEL")


@pytest.mark.usefixtures("group_mode")
def test_another_phone_never_sees_it(system: Stack) -> None:
    """Neither who is asked, nor, in the answer, who asked."""
    alice, bob = _member(system), _member(system)
    with signer(system) as asks, signer(system) as answers:
        here = Dialog(bob.username, system.domain)
        extra = answers.header("REGISTER", here)
        assert answers.client.ask_as("REGISTER", here, bob, extra=extra).status == 200
        dialog = asks.dialog(alice, bob.username)
        extra = asks.header("MESSAGE", dialog)
        challenge = asks.client.ask("MESSAGE", dialog, extra=extra)
        proof = authorization(challenge, "MESSAGE", asks.client.uri(dialog), alice, "SHA-256")
        asks.client.send(asks.client.request("MESSAGE", dialog, extra=proof + extra))
        came = answers.client.receive()
        assert came.method == "MESSAGE"
        answers.client.send(_ok(came, f"{HEADER}: secret\r\n"))
        final = asks.client.final("MESSAGE")
    assert final.status == 200
    for text in (came.text, final.text):
        assert "company" not in text.lower()


def _assert_unseen(heard: Callable[[], str], *methods: str) -> None:
    """Assert that these requests are heard inside, the last of them last, and no signature."""
    lines = [re.compile(rf"{method} sip:[^\n]* SIP/2.0") for method in methods]
    wait_until(lambda: all(line.search(heard()) for line in lines), 10, f"{methods} inside")
    assert not re.search("company|folded|sig=", heard(), re.IGNORECASE)


def _member(system: Stack) -> Account:
    account = system.subscriber()
    system.api.put_into_group(account.username, "app")
    return account


def _ok(request: Message, extra: str) -> str:
    names = ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq")
    copied = "".join(f"{name}: {value}\r\n" for name in names for value in request.headers(name))
    return f"SIP/2.0 200 OK\r\n{copied}{extra}Content-Length: 0\r\n\r\n"
