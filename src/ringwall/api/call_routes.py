"""The paths of calls: /cdrs for those on record, /calls for those that go on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from ringwall.api import export
from ringwall.api.call_models import ActiveCall, ActiveCalls, Cdr, CdrWithLegs, HungUp, Result
from ringwall.api.calls import Calls
from ringwall.api.export import Format
from ringwall.api.models import Error
from ringwall.api.moments import moment
from ringwall.store.cdrs import Cdrs, Wanted

MAX_LISTED = 1000
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Error}}
_TIME = "`2h` or `1d` ago, or ISO 8601 with a zone; "

Since = Annotated[str | None, Query(description=_TIME + "INVITE then or later.", max_length=64)]
Until = Annotated[str | None, Query(description=_TIME + "INVITE before that.", max_length=64)]
User = Annotated[str | None, Query(description="Called or was called.", max_length=128)]
Number = Annotated[
    str | None, Query(description="Dialled number; a `*` at its end: begins so.", max_length=128)
]
Node = Annotated[str | None, Query(description="PBX node.", max_length=64)]
How = Annotated[Result | None, Query(description="How it ended.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LISTED, description="The last so many.")]


def _wanted(  # noqa: PLR0913 - one a filter
    *,
    since: Since = None,
    until: Until = None,
    user: User = None,
    number: Number = None,
    node: Node = None,
    result: How = None,
) -> Wanted:
    now = datetime.now(UTC)
    begin, end = moment(since, "since", now), moment(until, "until", now)
    return Wanted(begin, end, user, number, node, result)


Filters = Annotated[Wanted, Depends(_wanted)]


def records(cdrs: Cdrs) -> APIRouter:
    """Return the paths below /cdrs."""
    router = APIRouter(tags=["cdrs"])

    @router.get("")
    def recent(wanted: Filters, limit: Limit = 50) -> list[Cdr]:
        """List the last calls on record, newest first."""
        return [Cdr(**record) for record in cdrs.recent(wanted, limit)]

    @router.get(
        "/export",
        response_class=StreamingResponse,
        responses={200: {"content": {kind: {} for kind in export.MEDIA_TYPES.values()}}},
    )
    def everything(
        wanted: Filters, form: Annotated[Format, Query(alias="format")] = "csv"
    ) -> StreamingResponse:
        """Stream all calls on record, each once, as CSV or JSON Lines.

        An answer that ends before its last chunk is not whole.
        """
        lines = export.stream(cdrs.pages(wanted), form)
        return StreamingResponse(lines, media_type=export.MEDIA_TYPES[form])

    @router.get("/call/{call_id:path}", responses=_MISSING)
    def one(call_id: str) -> CdrWithLegs:
        """Tell all of one call, by its correlation id or a leg's Call-ID."""
        record, legs = cdrs.one(call_id)
        return CdrWithLegs(**record, legs=legs)

    return router


def active(calls: Calls) -> APIRouter:
    """Return the paths below /calls."""
    router = APIRouter(tags=["calls"])

    @router.get("")
    def going_on() -> ActiveCalls:
        """List the calls that ring or were answered, newest first."""
        return calls.all()

    @router.get("/{call_id:path}", responses=_MISSING)
    def one(call_id: str) -> ActiveCall:
        """Tell of one call that goes on, by its correlation id or a leg's Call-ID."""
        return calls.one(call_id)

    @router.delete("/{call_id:path}", responses=_MISSING)
    def hang_up(call_id: str) -> HungUp:
        """End a call on all sides; 404 when it is over already."""
        return calls.hang_up(call_id)

    return router
