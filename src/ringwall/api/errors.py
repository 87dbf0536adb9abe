"""Every error as ``{"error", "remedy"}``, with the HTTP status that fits."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ringwall.api.bans import NoSuchBan
from ringwall.api.calls import CallIsOver
from ringwall.api.models import Error, RowError
from ringwall.api.registered import NoSuchRegistration
from ringwall.errors import BadInput, RingwallError
from ringwall.store.blocks import NoSuchBlock
from ringwall.store.cdrs import NoSuchCall
from ringwall.store.database import DatabaseAway
from ringwall.store.outbox import NoSuchPush
from ringwall.store.subscribers import NoSuchSubscriber, SubscriberExists
from ringwall.telemetry.guard import GuardAway
from ringwall.telemetry.kamailio_rpc import KamailioAway

_log = logging.getLogger(__name__)


class Busy(RingwallError):
    """Another change takes long."""


class Starting(RingwallError):
    """Control does not know its database yet."""


class BadRows(BadInput):
    """Rows of an import are wrong; none was imported."""

    def __init__(self, errors: Iterable[RowError]) -> None:
        self.errors = list(errors)
        super().__init__(
            f"{len(self.errors)} of the rows are wrong; nothing was imported", "correct them"
        )


# The first class that fits decides.
_STATUS: tuple[tuple[type[RingwallError], int], ...] = (
    (NoSuchSubscriber, 404),
    (NoSuchCall, 404),
    (CallIsOver, 404),
    (NoSuchPush, 404),
    (NoSuchRegistration, 404),
    (NoSuchBan, 404),
    (NoSuchBlock, 404),
    (SubscriberExists, 409),
    (BadInput, 422),
    (DatabaseAway, 503),
    (KamailioAway, 503),
    (GuardAway, 503),
    (Busy, 503),
    (Starting, 503),
    (RingwallError, 500),
)


def answer(status: int, error: Error) -> JSONResponse:
    """Return the error as a response."""
    content = error.model_dump(exclude={"errors"} if error.errors is None else None)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(content, status, headers)


def of_ours(error: RingwallError) -> JSONResponse:
    """Return one of Ringwall's own errors as a response."""
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    if status >= 500:
        _log.error("%s", error)
    rows = error.errors if isinstance(error, BadRows) else None
    return answer(status, Error(error=str(error), remedy=error.remedy, errors=rows))


def install(app: FastAPI) -> None:
    """Make the app answer every error this way."""
    app.add_exception_handler(RingwallError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def _ours(_request: Request, error: Exception) -> JSONResponse:
    return of_ours(cast("RingwallError", error))


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Name the places, never the values: there are passwords among them."""
    found = cast("RequestValidationError", error).errors()
    faults = (f"{_place(fault['loc'])}: {fault['msg']}" for fault in found[:20])
    return answer(422, Error(error="; ".join(faults), remedy="see docs/api.md"))


def _http(_request: Request, error: Exception) -> JSONResponse:
    refused = cast("HTTPException", error)
    return answer(refused.status_code, Error(error=str(refused.detail), remedy="see docs/api.md"))


def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
    return answer(500, Error(error="internal error", remedy="see `docker logs control`"))


def _place(location: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in location)
