"""Identity: the inside is told who proved to be whom, and nothing that a phone says beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.system.inside import heard_inside
from tests.system.party import Party, reply_to
from tests.system.raw import Dialog, RawClient, authorization, describe

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

    from ringwall.checks.phone import Account

_NAMES = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "X-CID", "Diversion")
_CLAIMED = re.compile(rf"(?im)^({'|'.join(_NAMES)})[\s\0]*:.*evil")
_BATCH = 16
"""Of malformed requests a source may send some thirty within ten seconds."""


def test_the_pbx_is_told_who_it_is(system: Stack) -> None:
    account = system.subscriber()
    claims = "".join(f"{name}: <sip:evil@{system.domain}>\r\n" for name in _NAMES)
    with heard_inside(system) as heard, RawClient(system.edge) as client:
        dialog = Dialog(account.username, system.domain, "600")
        offer = describe(client.address, 40_000)
        answer = client.ask_as("INVITE", dialog, account, extra=claims, body=offer)
        assert answer.status == 200
        dialog.establish(answer)
        client.send(client.request("ACK", dialog))
        assert client.ask("BYE", dialog, extra=claims).status == 200
        wait_until(lambda: "BYE sip:" in heard(), 10, "the BYE inside")
        told = heard()
    assert f"P-Asserted-Identity: <sip:{account.username}@{system.domain}>" in told
    assert "evil" not in told


def test_no_spelling_of_a_claim_gets_through(system: Stack) -> None:
    """Each byte between name and colon, folded lines, other capitals, and one behind another."""
    account = system.subscriber()
    with Party(system, system.subscriber()) as called, RawClient(system.edge) as client:
        called.register()
        target = called.account.username
        for first in range(0, len(_CLAIMS), _BATCH):
            system.forget_host()
            claims = _CLAIMS[first : first + _BATCH]
            proofs = [_proved(system, client, account, target) for _ in claims]
            for (dialog, proof), claim in zip(proofs, claims, strict=True):
                client.send(client.request("MESSAGE", dialog, extra=proof + claim))
        came = _messages(called)
    # Most bytes make another header of it; some, a malformed request.
    assert len(came) > len(_CLAIMS) // 4
    assert not [text for text in came.values() if _CLAIMED.search(text)]


def _spellings() -> Iterator[str]:
    evil = "<sip:evil@example.com>\r\n"
    for byte in range(256):
        yield f"P-Asserted-Identity{bytes([byte]).decode(errors='surrogateescape')}: {evil}"
    for name in _NAMES:
        yield f"{name} \t : {evil}"
        yield f"{name}:\r\n {evil}"
        yield f"{name}\r\n : {evil}"
        yield f"{name.lower()}:{evil}{name.upper()}:{evil}"


_CLAIMS = tuple(_spellings())


def _proved(system: Stack, client: RawClient, account: Account, target: str) -> tuple[Dialog, str]:
    dialog = Dialog(account.username, system.domain, target)
    challenged = client.ask("MESSAGE", dialog)
    proof = authorization(challenged, "MESSAGE", client.uri(dialog), account, "SHA-256")
    return dialog, proof


def _messages(called: Party) -> dict[str, str]:
    """All that come, by Call-ID; two seconds without any, and there are no more."""
    came: dict[str, str] = {}
    called.client.patience(2)
    try:
        while True:
            message = called.expect("MESSAGE")
            came[message.header("Call-ID")] = message.text
            called.client.send(reply_to(message, "200 OK"))
    except TimeoutError:
        return came
