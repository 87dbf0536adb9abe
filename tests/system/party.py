"""A party to calls that does exactly what a test says, and knows when it did it."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from tests.system.raw import Dialog, RawClient, authorization

if TYPE_CHECKING:
    from types import TracebackType

    from tests.system.stack import Stack

    from ringwall.checks.phone import Account, Transport
    from ringwall.checks.sip import Message

_AUDIO = 40_000
"""Nothing is ever heard or said there."""


@dataclass
class Leg:
    """A party's end of a dialog (RFC 3261, 12), or of the attempt at one."""

    call_id: str
    local: str
    remote: str
    target: str
    routes: list[str]
    cseq: int
    answered: float = 0.0
    """Seconds since the epoch; 0: never."""

    def see(self, answer: Message) -> None:
        """Take over what an answer says of the dialog."""
        self.remote = answer.header("To")
        self.routes = answer.headers("Record-Route")[::-1]
        found = re.search(r"<([^>]+)>", answer.header("Contact"))
        self.target = found[1] if found else self.target


@dataclass
class Party:
    """One account at one socket; a context manager."""

    system: Stack
    account: Account
    transport: Transport = "udp"
    client: RawClient = field(init=False)

    def __post_init__(self) -> None:
        """Open the socket."""
        ca = str(self.system.workspace.certs / "ca.pem")
        self.client = RawClient(self.system.edge, self.transport, ca)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.__exit__(kind, error, trace)

    # --- registration ---

    def register(self, expires: int = 120, extra: str = "", dialog: Dialog | None = None) -> Dialog:
        """Register, refresh or (0) unregister; the same dialog makes it the same phone."""
        dialog = dialog or Dialog(self.account.username, self.system.domain)
        header = f"Expires: {expires}\r\n{extra}"
        refused = self.client.ask("REGISTER", dialog, extra=header)
        proof = self._proof(refused, "REGISTER", self.client.uri(dialog))
        answer = self.client.ask("REGISTER", dialog, extra=proof + header)
        assert answer.status == 200, answer.text
        return dialog

    # --- calling ---

    def invite(
        self, number: str, *, call_id: str | None = None, display: str = "", uri: str | None = None
    ) -> Leg:
        """Send an INVITE that the SBC accepts; no answer is awaited."""
        dialog = Dialog(self.account.username, self.system.edge, number)
        dialog.call_id = call_id or secrets.token_hex(12)
        uri = uri or self.client.uri(dialog)
        refused = self._ask_invite(dialog, uri, display)
        self.client.send(self.client.acknowledge(dialog, refused, uri))
        proof = self._proof(refused, "INVITE", uri)
        text = self.client.request("INVITE", dialog, uri, proof, self._offer())
        self.client.send(_named(text, display))
        self._invite = text
        local = _named(_line(text, "From"), display).partition(": ")[2]
        return Leg(dialog.call_id, local, _line(text, "To")[4:], uri, [], dialog.cseq)

    def final(self, leg: Leg) -> int:
        """Wait for the INVITE's final answer, acknowledge it, and return its status."""
        answer = self.client.final("INVITE")
        now = time.time()
        leg.see(answer)
        assert answer.status is not None
        if answer.status == 200:
            leg.answered = now
            self.client.send(self._request(leg, "ACK", leg.cseq))
        else:
            ack = re.sub(r"To: .*", f"To: {leg.remote}", self._like_invite("ACK"), count=1)
            self.client.send(ack)
        return answer.status

    def provisional(self, status: int) -> None:
        """Wait for this answer to the INVITE."""
        while self.client.receive().status != status:
            pass

    def call(self, number: str, **how: str) -> Leg:
        """Call, and be answered."""
        leg = self.invite(number, **how)
        assert self.final(leg) == 200
        return leg

    def cancel(self) -> None:
        """Take the last INVITE back."""
        self.client.send(self._like_invite("CANCEL"))

    def hang_up(self, leg: Leg) -> float:
        """Send BYE, wait for its answer, and return when it was sent (seconds since the epoch)."""
        sent = self.send_bye(leg)
        status = self.client.final("BYE").status
        assert status == 200, f"BYE was answered {status}"
        return sent

    def send_bye(self, leg: Leg) -> float:
        """Send BYE; return when (seconds since the epoch)."""
        leg.cseq += 1
        sent = time.time()
        self.client.send(self._request(leg, "BYE", leg.cseq))
        return sent

    # --- being called ---

    def ringing(self) -> Message:
        """Wait for an INVITE and ring."""
        invite = self.expect("INVITE")
        self._reply(invite, "180 Ringing")
        return invite

    def answer(self, invite: Message) -> Leg:
        """Answer it, and wait for the ACK."""
        self._reply(invite, "200 OK", self._offer())
        self.expect("ACK")
        local, remote = self._to(invite), invite.header("From")
        found = re.search(r"<([^>]+)>", invite.header("Contact"))
        assert found
        leg = Leg(invite.header("Call-ID"), local, remote, found[1], [], 0, time.time())
        leg.routes = invite.headers("Record-Route")
        return leg

    def refuse(self, invite: Message, status: str) -> None:
        """Answer it with another final status, and wait for the ACK."""
        self._reply(invite, status)
        self.expect("ACK")

    def wait_bye(self) -> float:
        """Wait for BYE, agree, and return when it came (seconds since the epoch)."""
        bye = self.expect("BYE")
        came = time.time()
        self._reply(bye, "200 OK")
        return came

    def wait_cancel(self, invite: Message) -> None:
        """Wait for CANCEL, agree, and end the INVITE."""
        self._reply(self.expect("CANCEL"), "200 OK")
        self.refuse(invite, "487 Request Terminated")

    def expect(self, method: str) -> Message:
        """Wait for a request."""
        while True:
            message = self.client.receive()
            if message.status is None and message.start_line.startswith(f"{method} "):
                return message

    # --- within ---

    def _ask_invite(self, dialog: Dialog, uri: str, display: str) -> Message:
        text = self.client.request("INVITE", dialog, uri, body=self._offer())
        self.client.send(_named(text, display))
        return self.client.final("INVITE")

    def _proof(self, refused: Message, method: str, uri: str) -> str:
        return authorization(refused, method, uri, self.account, "SHA-256")

    def _offer(self) -> str:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.client.address}\r\ns=-\r\n"
            f"c=IN IP4 {self.client.address}\r\nt=0 0\r\nm=audio {_AUDIO} RTP/AVP 0\r\n"
        )

    def _like_invite(self, method: str) -> str:
        """A request of the INVITE's own transaction (RFC 3261, 9.1 and 17.1.1.3)."""
        first = self._invite.partition("\r\n")[0].replace("INVITE", method, 1)
        kept = [_line(self._invite, name) for name in ("Via", "From", "To", "Call-ID")]
        number = _line(self._invite, "CSeq").replace("INVITE", method)
        rest = ["Max-Forwards: 70", number, "Content-Length: 0"]
        return "\r\n".join([first, *kept, *rest]) + "\r\n\r\n"

    def _request(self, leg: Leg, method: str, cseq: int) -> str:
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        via = f"SIP/2.0/{self.transport.upper()} {self.client.address}:{self.client.port}"
        lines = [
            f"{method} {leg.target} SIP/2.0",
            f"Via: {via};rport;branch={branch}",
            "Max-Forwards: 70",
            *(f"Route: {route}" for route in leg.routes),
            f"From: {leg.local}",
            f"To: {leg.remote}",
            f"Call-ID: {leg.call_id}",
            f"CSeq: {cseq} {method}",
            "Content-Length: 0",
        ]
        return "\r\n".join(lines) + "\r\n\r\n"

    def _reply(self, request: Message, status: str, body: str = "") -> None:
        kept = [
            f"{name}: {value}"
            for name in ("Via", "Record-Route", "From", "Call-ID", "CSeq")
            for value in request.headers(name)
        ]
        contact = f"<sip:{self.account.username}@{self.client.address}:{self.client.port}>"
        lines = [
            f"SIP/2.0 {status}",
            *kept,
            f"To: {self._to(request)}",
            f"Contact: {contact}",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.client.send("\r\n".join(lines) + "\r\n\r\n" + body)

    def _to(self, request: Message) -> str:
        value = request.header("To")
        return value if ";tag=" in value else f"{value};tag={self.account.username}"


def reply_to(request: Message, status: str, extra: str = "") -> str:
    """Write an answer that has no more than it must (RFC 3261, 8.2.6.2)."""
    kept = "".join(
        f"{name}: {value}\r\n"
        for name in ("Via", "From", "To", "Call-ID", "CSeq")
        for value in request.headers(name)
    )
    return f"SIP/2.0 {status}\r\n{kept}{extra}Content-Length: 0\r\n\r\n"


def _line(text: str, name: str) -> str:
    found = re.search(rf"^{name}: .*$", text.replace("\r", ""), re.MULTILINE)
    assert found
    return found[0]


def _named(text: str, display: str) -> str:
    """Give the sender a display name."""
    return text.replace("From: <", f"From: {display} <", 1) if display else text
