"""The raw SIP client over a socket of the tests' own machine."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from ringwall.checks.raw import (
    Algorithm,
    Client,
    Dialog,
    authorization,
    challenges,
    describe,
    ha1,
)

if TYPE_CHECKING:
    from ringwall.checks.phone import Transport

__all__ = [
    "Algorithm",
    "Dialog",
    "RawClient",
    "authorization",
    "challenges",
    "describe",
    "ha1",
]
_CONNECT_S = 10


class _Socket:
    """A socket as the client wants it."""

    def __init__(self, plain: socket.socket) -> None:
        self._plain = plain
        self.address, self.port = plain.getsockname()[:2]

    def send(self, data: bytes) -> None:
        self._plain.sendall(data)

    def receive(self, seconds: float) -> bytes:
        self._plain.settimeout(seconds)
        came = self._plain.recv(65535)
        if not came and self._plain.type == socket.SOCK_STREAM:
            raise ConnectionError("the SBC closed the connection")
        return came

    def close(self) -> None:
        self._plain.close()


class RawClient(Client):
    """Sends requests over one socket, waits for their answers."""

    def __init__(
        self,
        edge: str,
        transport: Transport = "udp",
        ca: str | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """``context`` decides over TLS; without one, ``ca`` must have issued the certificate."""
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        plain = socket.socket(socket.AF_INET, kind)
        plain.settimeout(_CONNECT_S)
        plain.connect((edge, 5061 if transport == "tls" else 5060))
        if transport == "tls":
            context = context or ssl.create_default_context(cafile=ca)
            plain = context.wrap_socket(plain, server_hostname=edge)
        super().__init__(_Socket(plain), edge, transport)
