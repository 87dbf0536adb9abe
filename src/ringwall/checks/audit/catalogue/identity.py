"""Subscribers, and strangers, who say that they are somebody else."""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ringwall.checks.audit import legit
from ringwall.checks.audit.case import Broken, Case, Sends
from ringwall.checks.audit.catalogue.requests import invite
from ringwall.checks.audit.layers import Layer
from ringwall.checks.raw import Dialog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ringwall.checks.audit.stage import Stage
    from ringwall.checks.raw import Client
    from ringwall.checks.sip import Message

TRUSTED = (
    "X-CID", "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Diversion",
    "History-Info", "P-Charging-Vector", "X-Company-Signature",
)  # fmt: skip
"""Headers that the inside believes, or that it must never see."""
_TOKEN = frozenset(b"-.!%*_+`'~0123456789")
_A_SOURCE = 25
"""Messages from one address: that many may be refused before its budget is spent."""


def _spoofed(stage: Stage, method: str, dialog: Dialog) -> int | None:
    """Send it in another's name, with one's own credentials; return the final status."""
    mallory = stage.cast.mallory
    with stage.phone(mallory) as client:
        body = stage.offer(client) if method == "INVITE" else ""
        return client.ask_as(method, dialog, mallory, body=body).status


def _as(method: str, **other: str) -> Callable[[Stage], None]:
    """Return an attack: mallory's credentials, and another user or domain in From."""

    def attack(stage: Stage) -> None:
        known = {"victim": stage.cast.victim.username, "mallory": stage.cast.mallory.username}
        target = None if method == "REGISTER" else "600"
        dialog = stage.dialog(stage.cast.mallory, target)
        dialog.user = other.get("user", dialog.user).format(**known)
        dialog.domain = other.get("domain", dialog.domain)
        if (status := _spoofed(stage, method, dialog)) != 403:
            raise Broken(f"{method} in another's name was answered {status}")

    return attack


_IDENTITY = "RFC 3261 22.1, RFC 8224 1"
_NAMES = tuple(
    Case(name, what, _IDENTITY, Layer.DIGEST, attack)
    for name, what, attack in (
        ("call-as-victim", "a subscriber calls in the victim's name",
         _as("INVITE", user="{victim}")),
        ("message-as-victim", "a subscriber writes in the victim's name",
         _as("MESSAGE", user="{victim}")),
        ("register-as-victim", "a subscriber registers the victim's number",
         _as("REGISTER", user="{victim}")),
        ("call-as-nobody", "a subscriber calls as a number that is nobody's",
         _as("INVITE", user="0800123456")),
        ("call-as-foreign-domain", "a subscriber calls as somebody of another domain",
         _as("INVITE", domain="evil.example.net")),
        ("call-with-escaped-name", "a name that is the victim's when it is unescaped",
         _as("INVITE", user="%61udit-victim")),
        ("call-with-nul", "one's own name and a NUL", _as("INVITE", user="{mallory}%00")),
        ("call-with-case", "one's own name in capitals", _as("INVITE", user="AUDIT-MALLORY")),
    )
)  # fmt: skip


def _claimed(header: str, value: str) -> Case:
    text = invite(extra=f"{header}: {value}\r\n")
    return Case(
        f"stranger-with-{header.lower()}", f"a stranger with {header}", "RFC 3325 5",
        Layer.DIGEST, Sends(text, (407,), port=0, layer=Layer.DIGEST),
    )  # fmt: skip


_VALUE = "<sip:{victim}@{domain}>"
_CLAIMS = (
    *(_claimed(name, _VALUE) for name in TRUSTED[1:5]),
    _claimed("X-CID", "{id}"),
    Case("stranger-as-pbx", "a stranger who calls himself by the PBX's address", "RFC 3325 5",
         Layer.DIGEST,
         Sends(invite(caller="<sip:asterisk@{pbx}>"), (407,), port=0, layer=Layer.DIGEST)),
)  # fmt: skip


def _smuggle(*headers: str) -> Callable[[Stage], None]:
    """Return an attack: the headers with each byte between their name and the colon.

    A MESSAGE goes from user to user through all that a call goes through, and the receiver sees
    what is left of it. What is another header's name by RFC 3261 may arrive.
    """

    def attack(stage: Stage) -> None:
        with _receiver(stage) as receiver:
            for start in range(0, 256, _A_SOURCE):
                values = range(start, min(start + _A_SOURCE, 256))
                marks = {f"smuggled-{secrets.token_hex(6)}": value for value in values}
                lines = [
                    "\r\n".join(f"{header}{_byte(value)}: {mark}" for header in headers)
                    for mark, value in marks.items()
                ]
                for text in _delivered(stage, receiver, lines):
                    _judge(text, marks)

    return attack


@contextmanager
def _receiver(stage: Stage) -> Iterator[Client]:
    """Register the victim, for a while."""
    victim = stage.cast.victim
    with stage.phone(victim) as receiver:
        receiver.patience(3)
        legit.register(stage, receiver, victim)
        yield receiver
        receiver.patience(3)
        legit.register(stage, receiver, victim, expires=0)


def _delivered(stage: Stage, receiver: Client, lines: list[str]) -> list[str]:
    """Send a MESSAGE with each header; return what arrived until one came that nothing stops."""
    last = f"Subject: last-{secrets.token_hex(6)}"
    client = stage.phone(stage.cast.mallory)
    for line in [*lines, last]:
        try:
            _say(client, stage, line)
        except OSError:  # over TCP, what cannot be read ends the connection
            client = stage.phone(stage.cast.mallory)
            if line is last:
                _say(client, stage, line)
    arrived: list[str] = []
    receiver.patience(5)
    with suppress(TimeoutError):
        while True:
            came = receiver.receive()
            _agree(receiver, came)
            arrived.append(came.text)
            if last in came.text:
                receiver.patience(0.2)  # one that another worker has
    if not any(last in text for text in arrived):
        raise Broken("an honest MESSAGE did not arrive either: nothing was tried")
    return arrived


def _say(client: Client, stage: Stage, line: str) -> None:
    """Send a MESSAGE with credentials and this header; its answer is waited for by nobody."""
    mallory, victim = stage.cast.mallory, stage.cast.victim
    dialog = stage.dialog(mallory, victim.username)
    client.patience(3)
    asked = client.ask("MESSAGE", dialog)
    proof = stage.proof(asked, "MESSAGE", client.uri(dialog), mallory)
    extra = f"{proof}{line}\r\nContent-Type: text/plain\r\n"
    client.send(client.request("MESSAGE", dialog, extra=extra, body="x"))


def _judge(text: str, marks: Mapping[str, int]) -> None:
    """Raise ``Broken`` where a header arrived under a name that somebody may take for it."""
    for mark, value in marks.items():
        if mark in text and not _is_other_name(value):
            line = next(line for line in text.splitlines() if mark in line)
            raise Broken(f"with byte {value} before its colon it got through: {line!r}")


def _byte(value: int) -> str:
    return bytes([value]).decode(errors="surrogateescape")


def _is_other_name(value: int) -> bool:
    """Whether this byte makes another header of it (RFC 3261: a token)."""
    return value in _TOKEN or (value < 128 and chr(value).isalnum())


def _agree(receiver: Client, request: Message) -> None:
    if request.status is not None:
        return
    names = ("Via", "From", "To", "Call-ID", "CSeq")
    kept = "".join(f"{name}: {value}\r\n" for name in names for value in request.headers(name))
    receiver.send(f"SIP/2.0 200 OK\r\n{kept}Content-Length: 0\r\n\r\n")


_SMUGGLED = tuple(
    Case(f"smuggled-{name}", f"{what} with each of 256 bytes before the colon",
         "CVE-2020-28361", Layer.HYGIENE, _smuggle(*headers))
    for name, what, headers in (
        ("x-cid", "X-CID, which Kamailio does not know,", TRUSTED[:1]),
        ("p-asserted-identity", "P-Asserted-Identity, which it knows,", TRUSTED[1:2]),
        ("others", "the other trusted headers at once,", TRUSTED[2:]),
    )
)  # fmt: skip


def _plain(stage: Stage) -> None:
    """Send all of them as they are, folded, with white space, in capitals, and twice."""
    spellings = ("{}: {}", "{}:\r\n {}", "{}\t: {}", "{}  :{}")
    names = [*TRUSTED, *(name.upper() for name in TRUSTED), *TRUSTED]
    mark = f"smuggled-{secrets.token_hex(6)}"
    lines = ["\r\n".join(each.format(name, mark) for name in names) for each in spellings]
    with _receiver(stage) as receiver:
        for text in _delivered(stage, receiver, lines):
            if mark in text:
                raise Broken(f"got through: {re.findall(f'.*{mark}', text)}")


CASES = (
    *_NAMES,
    *_CLAIMS,
    Case("trusted-headers", "every trusted header in four spellings, and twice", "RFC 3325 5",
         Layer.HYGIENE, _plain),
    *_SMUGGLED,
)  # fmt: skip
