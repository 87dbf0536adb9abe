"""Where Kamailio hands its events over: one path, for one address, outside of the public API."""

from __future__ import annotations

import logging
from ipaddress import IPv4Address

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ringwall.telemetry.spool import Spool, SpoolFull

PATH = "/internal/events"
MAX_BODY, MAX_LINES = 512 * 1024, 200
_log = logging.getLogger(__name__)


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


class Intake:
    """ASGI middleware, the first that a request meets.

    204 says that every line is on disk, and only then may Kamailio forget them. What the lines
    say is read later: a line that is no event must not hold up the others.
    """

    def __init__(self, app: ASGIApp, spool: Spool, kamailio: IPv4Address) -> None:
        self._app, self._spool, self._kamailio = app, spool, str(kamailio)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the events, or let the request through."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            await run_in_threadpool(self._spool.append, await self._lines(request))
            status = 204
        except _Refused as refused:
            status = refused.status
        except SpoolFull:
            status = 503
        except ClientDisconnect:
            return
        # Without an end to the connection, what was not read of a body would be the next request.
        headers = {} if status == 204 else {"Connection": "close"}
        await Response(status_code=status, headers=headers)(scope, receive, send)

    async def _lines(self, request: Request) -> list[bytes]:
        """Return the lines of the body; raise ``_Refused``."""
        sender = request.client.host if request.client else "?"
        if sender != self._kamailio:
            _log.warning("events from %s, who is not Kamailio", sender)
            raise _Refused(403)
        if request.method != "POST":
            raise _Refused(405)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                raise _Refused(413)
        lines = [line for line in bytes(body).split(b"\n") if line.strip()]
        if len(lines) > MAX_LINES:
            raise _Refused(413)
        return lines
