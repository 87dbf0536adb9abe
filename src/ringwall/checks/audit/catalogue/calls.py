"""Strangers in a call that is up: the call must survive them."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ringwall.checks.audit import legit
from ringwall.checks.audit.case import SILENCE, Broken, Case
from ringwall.checks.audit.layers import Layer
from ringwall.checks.raw import challenges

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.audit.stage import Stage
    from ringwall.checks.raw import Client, Dialog
    from ringwall.checks.sip import Message


def _during(
    forge: Callable[[Stage, Client, Dialog], str], *answers: object
) -> Callable[[Stage], None]:
    """Return an attack: what a stranger forges while a call is up, and what may come back."""

    def attack(stage: Stage) -> None:
        account = stage.cast.victim
        with stage.phone(account) as phone, stage.stranger() as stranger:
            phone.patience(3)
            dialog = legit.establish(stage, phone, account)
            stranger.send(forge(stage, stranger, dialog))
            got = stage.outcome(stranger, patient=SILENCE not in answers)
            alive = phone.ask("INFO", dialog).status
            ended = phone.ask("BYE", dialog).status
        if got not in answers:
            raise Broken(f"was answered {got}; {' or '.join(map(str, answers))} was due")
        if alive != 200 or ended != 200:
            raise Broken(f"the call did not survive: INFO {alive}, BYE {ended}")

    return attack


def _guessing(method: str, **known: str) -> Callable[[Stage, Client, Dialog], str]:
    """Forge a request of the dialog; what is not ``known`` of it is guessed."""

    def forge(stage: Stage, stranger: Client, dialog: Dialog) -> str:
        forged = replace(
            dialog,
            tag=known.get("tag", secrets.token_hex(4)),
            remote_tag=known.get("remote_tag", f"as{secrets.token_hex(4)}"),
            cseq=dialog.cseq + 10,
        )
        body = stage.offer(stranger, 41_000) if method == "INVITE" else ""
        return stranger.request(method, forged, body=body)

    return forge


def _one_tag(method: str, which: str) -> Callable[[Stage, Client, Dialog], str]:
    """Forge it with one of the two tags."""

    def forge(stage: Stage, stranger: Client, dialog: Dialog) -> str:
        kept = {which: getattr(dialog, which)}
        return _guessing(method, **kept)(stage, stranger, dialog)

    return forge


def _by_call_id(stage: Stage, stranger: Client, dialog: Dialog) -> str:
    """Forge BYE with the Call-ID and without a route."""
    forged = replace(dialog, tag="x", remote_tag="y", routes=(), contact=f"sip:600@{stage.target}")
    return stranger.request("BYE", forged)


def _cancel(_: Stage, stranger: Client, dialog: Dialog) -> str:
    """Forge CANCEL of the INVITE; only its branch is not known."""
    return stranger.request("CANCEL", replace(dialog, remote_tag="", routes=()))


def _merged(stage: Stage, stranger: Client, dialog: Dialog) -> str:
    """Forge a new INVITE with the call's Call-ID, From tag and CSeq."""
    again = replace(dialog, remote_tag="", routes=(), contact=None, cseq=dialog.cseq - 1)
    return stranger.request("INVITE", again, body=stage.offer(stranger, 41_000))


def _replaces(stage: Stage, stranger: Client, dialog: Dialog) -> str:
    """Forge an INVITE that wants to take the call over."""
    header = f"Replaces: {dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.tag}\r\n"
    fresh = stage.dialog(stage.cast.mallory, "600")
    return stranger.request("INVITE", fresh, extra=header, body=stage.offer(stranger, 41_000))


def _case(name: str, what: str, attack: Callable[[Stage], None],
          origin: str = "RFC 3261 12.2.2") -> Case:  # fmt: skip
    return Case(f"running-call-{name}", what, origin, Layer.DIALOG, attack)


def _leak(stage: Stage) -> None:
    """Be called, answer, hang up with BYE, and demand credentials for its end (digest leak).

    A callee answers the BYE of the SBC's caller with 407 in the hope that the caller's phone, or a
    PBX, proves itself to the callee. The caller must never see that challenge.
    """
    victim, mallory = stage.cast.victim, stage.cast.mallory
    with stage.phone(mallory) as callee, stage.phone(victim) as caller:
        callee.patience(8)
        caller.patience(8)
        legit.register(stage, callee, mallory)
        dialog = stage.dialog(victim, mallory.username)
        asked = caller.ask("INVITE", dialog, body=stage.offer(caller))
        try:
            leak = _Leak(stage, caller, callee)
            leak.call(dialog, asked)
        finally:
            legit.register(stage, callee, mallory, expires=0)


def _leak_message(stage: Stage) -> None:
    """Be written to, and demand credentials: the sender must never see that challenge."""
    victim, mallory = stage.cast.victim, stage.cast.mallory
    with stage.phone(mallory) as callee, stage.phone(victim) as sender:
        callee.patience(5)
        sender.patience(5)
        legit.register(stage, callee, mallory)
        dialog = stage.dialog(victim, mallory.username)
        asked = sender.ask("MESSAGE", dialog)
        proof = stage.proof(asked, "MESSAGE", sender.uri(dialog), victim)
        sender.send(sender.request("MESSAGE", dialog, extra=f"{proof}{_TEXT}", body="x"))
        try:
            _reply(callee, "MESSAGE", "407 Proxy Authentication Required", extra=_CHALLENGE)
            got = sender.final("MESSAGE", dialog.call_id)
        finally:
            legit.register(stage, callee, mallory, expires=0)
    if got.status in {401, 407} or challenges(got):
        raise Broken(f"the sender was asked for credentials by the receiver: {got.start_line}")


_LEAK = "SIP digest leak (Enable Security)"
_TEXT = "Content-Type: text/plain\r\n"
_CHALLENGE = 'Proxy-Authenticate: Digest realm="evil", nonce="x", algorithm=MD5\r\n'


def _reply(callee: Client, method: str, status: str, body: str = "", extra: str = "") -> None:
    """Wait for a request of this method, and answer it."""
    while True:
        came = callee.receive()
        if came.status is None and came.method == method:
            break
    names = ("Via", "Record-Route", "From", "Call-ID", "CSeq")
    kept = "".join(f"{name}: {value}\r\n" for name in names for value in came.headers(name))
    to = came.header("To")
    to = to if "tag=" in to else f"{to};tag=mallory"
    contact = f"<sip:x@{callee.address}:{callee.port};transport={callee.transport}>"
    kind = "Content-Type: application/sdp\r\n" if body else ""
    callee.send(
        f"SIP/2.0 {status}\r\n{kept}To: {to}\r\nContact: {contact}\r\n{extra}{kind}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


class _Leak:
    """A call from the victim to mallory, who answers the BYE with a challenge."""

    def __init__(self, stage: Stage, caller: Client, callee: Client) -> None:
        self._stage, self._caller, self._callee = stage, caller, callee

    def call(self, dialog: Dialog, asked: Message) -> None:
        """Call, answer, hang up at the caller, and look at what reaches both."""
        caller, victim = self._caller, self._stage.cast.victim
        caller.send(caller.acknowledge(dialog, asked))
        proof = self._stage.proof(asked, "INVITE", caller.uri(dialog), victim)
        offer = self._stage.offer(caller)
        caller.send(caller.request("INVITE", dialog, extra=proof, body=offer))
        _reply(self._callee, "INVITE", "200 OK", self._stage.offer(self._callee, 42_000))
        dialog.establish(caller.final("INVITE"))
        caller.send(caller.request("ACK", dialog))
        caller.send(caller.request("BYE", dialog))
        ended = caller.final("BYE")
        self._challenge()
        if ended.status in {401, 407} or challenges(ended):
            raise Broken(f"the caller was asked for credentials: {ended.start_line}")

    def _challenge(self) -> None:
        """Answer the BYE that comes with 407; whoever proves themselves to it has leaked."""
        _reply(self._callee, "BYE", "407 Proxy Authentication Required", extra=_CHALLENGE)
        self._callee.patience(1)
        with suppress(TimeoutError):
            while True:
                came = self._callee.receive()
                if "Authorization:" in came.text:
                    raise Broken(f"credentials were sent: {came.start_line}")


CASES = (
    _case("bye", "BYE with the Call-ID; both tags are guessed", _during(_guessing("BYE"), 481)),
    _case("bye-from-tag", "BYE with the Call-ID and the caller's tag",
          _during(_one_tag("BYE", "tag"), 481)),
    _case("bye-to-tag", "BYE with the Call-ID and the callee's tag",
          _during(_one_tag("BYE", "remote_tag"), 481)),
    _case("bye-call-id", "BYE with the Call-ID and no route", _during(_by_call_id, 481)),
    _case("invite", "re-INVITE that would send the media elsewhere",
          _during(_guessing("INVITE"), 481)),
    _case("update", "UPDATE with the Call-ID", _during(_guessing("UPDATE"), 481)),
    _case("refer", "REFER with the Call-ID: a transfer to a premium number",
          _during(_guessing("REFER"), 481)),
    _case("info", "INFO with the Call-ID: keys that were never pressed",
          _during(_guessing("INFO"), 481)),
    _case("notify", "NOTIFY with the Call-ID", _during(_guessing("NOTIFY"), 481)),
    _case("cancel", "CANCEL of the INVITE; its branch is guessed",
          _during(_cancel, SILENCE, 481), "RFC 3261 9.2"),
    _case("merged", "a second INVITE with the same Call-ID and tag", _during(_merged, 407, 403,
          482), "RFC 3261 8.2.2.2"),
    _case("replaces", "an INVITE with Replaces, without credentials",
          _during(_replaces, 407, 403), "RFC 3891 3"),
    Case("digest-leak-bye", "a callee answers the caller's BYE with 407",
         _LEAK, Layer.DIGEST, _leak),
    Case("digest-leak-message", "a receiver answers a MESSAGE with 407", _LEAK, Layer.DIGEST,
         _leak_message),
)  # fmt: skip
