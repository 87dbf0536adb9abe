"""Kamailio's own way in: what it tells, the calls and bans that it asks for at its start.

Some paths, for one address, outside of the public API.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from ipaddress import IPv4Address

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ringwall.api.ban_models import Told
from ringwall.api.bans import BanDesk
from ringwall.api.blocks import BlockDesk
from ringwall.api.recorder import Recorder
from ringwall.store.database import DatabaseAway
from ringwall.telemetry.guard import GuardAway
from ringwall.telemetry.spool import Spool, SpoolFull

EVENTS, DIALOGS = "/internal/events", "/internal/dialogs"
BANS, BANS_AT_START = "/internal/bans", "/internal/bans/stand"
_PATHS = frozenset({EVENTS, DIALOGS, BANS, BANS_AT_START})
# Kamailio's start waits ten seconds for an answer.
_WRITE_SECONDS = 8.0
MAX_BODY, MAX_LINES = 512 * 1024, 200
_log = logging.getLogger(__name__)


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


@dataclass(frozen=True, slots=True)
class KeptOut:
    """Who is kept out: for a time, and by order of an operator."""

    bans: BanDesk
    blocks: BlockDesk

    def stand(self) -> None:
        """Have the kernel know them all; raise when that is not so."""
        self.bans.stand()
        self.blocks.stand()


class Intake:
    """ASGI middleware, the first that a request meets.

    Events: 204 says that every line is on disk, and only then may Kamailio forget them. What the
    lines say is read later: a line that is no event must not hold up the others. Dialogs: 204
    says that the calls that go on are where Kamailio reads them. Bans: 204 says that the one told
    of is on record, or, at the start, that the
    kernel knows them all, and the blocklist.
    """

    def __init__(
        self,
        app: ASGIApp,
        spool: Spool,
        recorder: Recorder,
        kept_out: KeptOut,
        kamailio: IPv4Address,
    ) -> None:
        self._app, self._spool, self._recorder = app, spool, recorder
        self._kept_out, self._kamailio = kept_out, str(kamailio)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do what Kamailio asks for, or let the request through."""
        if scope["type"] != "http" or scope["path"] not in _PATHS:
            await self._app(scope, receive, send)
            return
        try:
            await self._serve(Request(scope, receive))
            status = 204
        except _Refused as refused:
            status = refused.status
        except (SpoolFull, DatabaseAway, GuardAway):
            status = 503
        except ClientDisconnect:
            return
        # Without an end to the connection, what was not read of a body would be the next request.
        headers = {} if status == 204 else {"Connection": "close"}
        await Response(status_code=status, headers=headers)(scope, receive, send)

    async def _serve(self, request: Request) -> None:
        sender = request.client.host if request.client else "?"
        if sender != self._kamailio:
            _log.warning("%s from %s, who is not Kamailio", request.url.path, sender)
            raise _Refused(403)
        if request.method != "POST":
            raise _Refused(405)
        if request.url.path == DIALOGS:
            await run_in_threadpool(self._recorder.put_dialogs_back, _WRITE_SECONDS)
        elif request.url.path == BANS_AT_START:
            await run_in_threadpool(self._kept_out.stand)
        elif request.url.path == BANS:
            await run_in_threadpool(self._kept_out.bans.told, await self._ban(request))
        else:
            await run_in_threadpool(self._spool.append, await self._lines(request))

    async def _ban(self, request: Request) -> Told:
        lines = await self._lines(request)
        try:
            return Told.model_validate_json(b"".join(lines))
        except ValidationError as error:
            raise _Refused(400) from error

    async def _lines(self, request: Request) -> list[bytes]:
        """Return the lines of the body; raise ``_Refused``."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                raise _Refused(413)
        lines = [line for line in bytes(body).split(b"\n") if line.strip()]
        if len(lines) > MAX_LINES:
            raise _Refused(413)
        return lines
