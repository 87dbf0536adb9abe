"""What every request meets first: who may, the size of its body, a line in the log."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from ipaddress import IPv4Address

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringwall.api import errors
from ringwall.api.models import Error
from ringwall.errors import RingwallError
from ringwall.security.tokens import TokenFile

OPEN_PATH = "/api/v1/health"
METRICS_PATH = "/metrics"
MAX_BODY = 64 * 1024
MAX_IMPORT = 10 * 1024 * 1024
_IMPORT_PATHS = frozenset({"/api/v1/subscribers/import", "/api/v1/blocks/import"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask: whoever has a token; those who scrape need none for the metrics."""

    tokens: TokenFile
    scrapers: frozenset[IPv4Address] = frozenset()


class Guard:
    """ASGI middleware; nothing behind it sees a request that may not be.

    All need a good token, but for the health, and the metrics when Prometheus asks for them.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._tokens = access.tokens
        self._scrapers = frozenset(map(str, access.scrapers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send)
        try:
            await self._enter(visit)
        finally:
            visit.log()

    async def _enter(self, visit: _Visit) -> None:
        if not self._is_open(visit):
            try:
                visit.who = self._tokens.owner(visit.token)
            except RingwallError as error:
                await visit.refuse(503, str(error), error.remedy)
                return
            if visit.who is None:
                remedy = "send `Authorization: Bearer TOKEN`; the CLI's is in secrets/api_token"
                await visit.refuse(401, "no valid token", remedy)
                return
        await self._app(visit.scope, visit.receive, visit.send)

    def _is_open(self, visit: _Visit) -> bool:
        if visit.path == METRICS_PATH:
            return visit.sender in self._scrapers
        return visit.path == OPEN_PATH


class _Visit:
    """One request while it is served."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.path = str(scope["path"])
        self.sender = scope["client"][0] if scope["client"] else None
        self.limit = MAX_IMPORT if self.path in _IMPORT_PATHS else MAX_BODY
        self.who: str | None = None
        self._headers = dict(scope["headers"])
        self._received = self._status = 0
        self._start = time.monotonic()

    @property
    def token(self) -> str:
        scheme, _, token = self._headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    async def receive(self) -> Message:
        """Hand the body on, up to the limit."""
        declared = self._headers.get(b"content-length", b"0")
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self.limit or (declared.isdigit() and int(declared) > self.limit):
            raise HTTPException(413, f"the body exceeds {self.limit} bytes")
        return message

    async def send(self, message: Message) -> None:
        """Hand the answer on, and remember its status."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)

    async def refuse(self, status: int, error: str, remedy: str | None) -> None:
        """Answer without asking the app."""
        response = errors.answer(status, Error(error=error, remedy=remedy))
        await response(self.scope, self._receive, self.send)

    def log(self) -> None:
        """Write the access log: the path as it was sent (escaped), without its query."""
        if self.path in {OPEN_PATH, METRICS_PATH} and self._status == 200:
            return  # every few seconds, by the container's own check and by Prometheus
        path = self.scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1")
        took = (time.monotonic() - self._start) * 1000
        who = self.who or "-"
        _log.info("%s %s %d %.0fms %s", self.scope["method"], path, self._status, took, who)
