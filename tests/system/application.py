"""The external application that is told of registrations; it behaves as a test says."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 18_057


@dataclass(frozen=True)
class Push:
    """A request as the application got it."""

    time: float
    key: str
    stamp: str
    signature: str
    body: bytes
    status: int

    @property
    def document(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Application:
    """The external application, which behaves as ``mood`` says."""

    address: str
    mood: str = "good"
    came: list[Push] = field(default_factory=list)

    @property
    def taken(self) -> list[Push]:
        """Those that it has answered with success."""
        return [push for push in self.came if push.status == 204]

    def of(self, user: str) -> list[dict[str, Any]]:
        """Return the documents about a user that it has taken."""
        return [push.document for push in self.taken if push.document["user"] == user]

    @contextmanager
    def open(self) -> Iterator[None]:
        """Listen."""
        server = _Server((self.address, PORT), _Handler)
        server.application = self
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            server.hang_up()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    application: Application

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._connections: set[socket.socket] = set()

    def hang_up(self) -> None:
        """End the connections that are kept open: their threads would go on answering."""
        for connection in list(self._connections):
            with suppress(OSError):  # it has ended meanwhile
                connection.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def close_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().close_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Note the push; answer by the mood."""
        application = self.server.application
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mood = application.mood
        status = {"500": 500, "redirect": 307, "hang": 0, "close": 0}.get(mood, 204)
        application.came.append(
            Push(
                time.time(),
                self.headers["Idempotency-Key"],
                self.headers["X-Ringwall-Timestamp"],
                self.headers["X-Ringwall-Signature"],
                body,
                status,
            )
        )
        if mood == "hang":
            wait_until(lambda: application.mood != "hang", 30, "a better mood")
        if status == 0:
            self.close_connection = True
            return
        self._say(status, mood)

    def _say(self, status: int, mood: str) -> None:
        big = 10 * 2**20 if mood == "10 MB" else 0
        try:
            self.send_response(200 if big else status)
            if mood == "redirect":
                self.send_header("Location", f"http://{self.server.application.address}:{PORT}/x")
            if status != 204 or big:
                self.send_header("Content-Length", str(big))
            self.end_headers()
            for _ in range(big // 2**16):
                self.wfile.write(b"x" * 2**16)
        except OSError:  # whoever is told too much hangs up
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""
