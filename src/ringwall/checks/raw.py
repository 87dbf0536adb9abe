"""A SIP client that says exactly what it is told: for what no phone would do."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeAlias

from ringwall.checks.sip import Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from ringwall.checks.phone import Account, Transport

Algorithm = Literal["MD5", "SHA-256"]
_LIMIT = 10.0


@dataclass
class Dialog:
    """What the requests of one dialog, or one registration, have in common."""

    user: str
    domain: str
    target: str | None = None
    """Whom it is to; None: the user itself (REGISTER)."""
    call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    cseq: int = 0
    remote_tag: str = ""
    """Set by establish(), like the rest."""
    contact: str | None = None
    routes: tuple[str, ...] = ()

    def establish(self, answer: Message) -> None:
        """Learn the other end's tag, Contact and route set (RFC 3261 12.1.2)."""
        self.remote_tag = answer.header("To").partition("tag=")[2]
        self.contact = answer.header("Contact").partition("<")[2].partition(">")[0]
        recorded = ",".join(answer.headers("Record-Route")).split(",")
        self.routes = tuple(one.strip() for one in reversed(recorded))


Sign: TypeAlias = "Callable[[str, Dialog], str]"
"""Returns the header that signs a request of this method that begins something."""


class Wire(Protocol):
    """A socket that is connected to the SBC, wherever it is."""

    address: str
    port: int
    """Our own."""

    def send(self, data: bytes) -> None:
        """Send it as it is."""

    def receive(self, seconds: float) -> bytes:
        """Wait for a datagram, or a piece of the stream: TimeoutError, or ConnectionError."""

    def close(self) -> None:
        """Close it."""


class Client:
    """Sends requests over one wire, waits for their answers."""

    algorithm: Algorithm = "SHA-256"
    """Of the proofs of ``ask_as``, where it is not told another."""

    def __init__(self, wire: Wire, edge: str, transport: Transport) -> None:
        self.edge, self.transport = edge, transport
        self.address, self.port = wire.address, wire.port
        self.sign: Sign | None = None
        self._wire = wire
        self._limit = _LIMIT
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wire.close()

    def ask(
        self, method: str, dialog: Dialog, uri: str | None = None, extra: str = "", body: str = ""
    ) -> Message:
        """Send a request and return its final answer."""
        self.send(self.request(method, dialog, uri, extra, body))
        return self.final(method, dialog.call_id)

    def ask_as(
        self,
        method: str,
        dialog: Dialog,
        account: Account,
        algorithm: Algorithm | None = None,
        uri: str | None = None,
        extra: str = "",
        body: str = "",
        forged: str | None = None,
    ) -> Message:
        """The same, answering the challenge of this algorithm with the account's password.

        ValueError where there is no such challenge.
        """
        refused = self.ask(method, dialog, uri, extra, body)
        if refused.status not in {401, 407}:
            return refused
        if method == "INVITE":
            self.send(self.acknowledge(dialog, refused, uri))
        asked_for = uri or self.uri(dialog)
        chosen = algorithm or self.algorithm
        proof = authorization(refused, method, asked_for, account, chosen, forged)
        return self.ask(method, dialog, uri, proof + extra, body)

    def uri(self, dialog: Dialog) -> str:
        """Return the URI that a request of this dialog asks for."""
        if dialog.contact:
            return dialog.contact
        return f"sip:{dialog.target}@{dialog.domain}" if dialog.target else f"sip:{dialog.domain}"

    def request(
        self, method: str, dialog: Dialog, uri: str | None = None, extra: str = "", body: str = ""
    ) -> str:
        """Write the next request of a dialog."""
        if method not in {"ACK", "CANCEL"}:
            dialog.cseq += 1
        is_described = not body or "Content-Type:" in extra
        content = "" if is_described else "Content-Type: application/sdp\r\n"
        tag = f";tag={dialog.remote_tag}" if dialog.remote_tag else ""
        routes = "".join(f"Route: {route}\r\n" for route in dialog.routes)
        begins = method not in {"ACK", "CANCEL"} and not dialog.remote_tag
        signed = self.sign(method, dialog) if self.sign and begins else ""
        return (
            f"{method} {uri or self.uri(dialog)} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport.upper()} {self.address}:{self.port};rport"
            f";branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            f"Max-Forwards: 70\r\n"
            f"From: <sip:{dialog.user}@{dialog.domain}>;tag={dialog.tag}\r\n"
            f"To: <sip:{dialog.target or dialog.user}@{dialog.domain}>{tag}\r\n"
            f"Call-ID: {dialog.call_id}\r\n"
            f"CSeq: {dialog.cseq} {method}\r\n"
            f"Contact: <sip:{dialog.user}@{self.address}:{self.port}"
            f";transport={self.transport}>\r\n"
            f"{routes}{signed}{extra}{content}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def acknowledge(self, dialog: Dialog, answer: Message, uri: str | None = None) -> str:
        """Write the ACK of a negative answer: the Via and To of the answer (RFC 3261 17.1.1.3)."""
        text = self.request("ACK", dialog, uri)
        text = re.sub(r"Via: .*", f"Via: {answer.header('Via')}", text, count=1)
        return re.sub(r"To: .*", f"To: {answer.header('To')}", text, count=1)

    def send(self, text: str) -> None:
        """Send it as it is; surrogates are the bytes that are no UTF-8."""
        self._wire.send(text.encode(errors="surrogateescape"))

    def final(self, method: str, call_id: str | None = None) -> Message:
        """Wait for the final answer to a request of this method, and of this Call-ID."""
        while True:
            message = self.receive()
            is_of = call_id is None or message.header("Call-ID") == call_id
            if is_of and message.method == method and (message.status or 0) >= 200:
                return message

    def patience(self, seconds: float) -> None:
        """Wait so long for a message, from now on."""
        self._limit = seconds

    def receive(self) -> Message:
        """Wait for the next message; TimeoutError after ten seconds."""
        is_datagram = self.transport == "udp"
        came = self._wire.receive(self._limit) if is_datagram else self._from_stream()
        text = came.decode(errors="surrogateescape")
        return Message(self.transport.upper(), self.edge, self.address, text)

    def _from_stream(self) -> bytes:
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        found = re.search(rb"(?im)^(?:Content-Length|l)\s*:\s*(\d+)", head)
        length = int(found[1]) if found else 0
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return head + b"\r\n\r\n" + body

    def _more(self) -> None:
        self._rest += self._wire.receive(self._limit)


def describe(address: str, port: int, payload: str = "0", direction: str = "sendrecv") -> str:
    """Write a session description (RFC 8866): one audio stream; payload type 0 is PCMU."""
    return (
        f"v=0\r\no=- 1 {secrets.randbelow(10**9)} IN IP4 {address}\r\ns=-\r\n"
        f"c=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {payload}\r\na={direction}\r\n"
    )


def challenges(answer: Message) -> list[dict[str, str]]:
    """Return the parameters of every challenge, in order."""
    values = answer.headers("WWW-Authenticate") + answer.headers("Proxy-Authenticate")
    return [
        {key.lower(): plain or quoted for key, quoted, plain in _PARAMETER.findall(value)}
        for value in values
    ]


_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^,\s]+))')


def ha1(account: Account, realm: str, algorithm: Algorithm) -> str:
    """Return what the SBC holds instead of the password (RFC 7616 3.4.2)."""
    return _digest(algorithm, account.username, realm, account.password)


def authorization(
    answer: Message,
    method: str,
    uri: str,
    account: Account,
    algorithm: Algorithm,
    forged: str | None = None,
) -> str:
    """Write the header that answers the challenge of this algorithm (RFC 8760); else ValueError.

    ``forged`` is used as HA1, instead of the one that the password gives.
    """
    offered = {one.get("algorithm", "MD5"): one for one in challenges(answer)}
    if algorithm not in offered:
        raise ValueError(f"no challenge with {algorithm} in {answer.start_line!r}")
    asked = offered[algorithm]
    name = "Authorization" if answer.status == 401 else "Proxy-Authorization"

    client = secrets.token_hex(8)
    secret = ha1(account, asked["realm"], algorithm) if forged is None else forged
    request = _digest(algorithm, method, uri)
    proof = _digest(algorithm, secret, asked["nonce"], "00000001", client, "auth", request)
    return (
        f'{name}: Digest username="{account.username}", realm="{asked["realm"]}", '
        f'nonce="{asked["nonce"]}", uri="{uri}", response="{proof}", algorithm={algorithm}, '
        f'qop=auth, nc=00000001, cnonce="{client}"\r\n'
    )


def _digest(algorithm: Algorithm, *parts: str) -> str:
    function = "sha256" if algorithm == "SHA-256" else "md5"
    return hashlib.new(function, ":".join(parts).encode(errors="surrogateescape")).hexdigest()
