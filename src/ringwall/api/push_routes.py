"""The paths of registrations: /registrations for phones, /pushes for who is told of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query

from ringwall.api.models import Error
from ringwall.api.moments import moment
from ringwall.api.push_models import (
    Altered,
    History,
    Purge,
    Pushes,
    PushState,
    PushWithDocument,
    Registered,
    Removed,
    Retry,
)
from ringwall.api.pushes import PushDesk
from ringwall.api.registered import RegistrationDesk, cursor
from ringwall.store.registrations import Filter
from ringwall.telemetry.registration_document import Event

MAX_ROWS = 1000
MAX_REGISTERED = 100_000
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Error}}
_TIME = "`2h` or `1d` ago, or ISO 8601 with a zone; "

User = Annotated[str | None, Query(description="This user alone.", max_length=64)]
Since = Annotated[str | None, Query(description=_TIME + "then or later.", max_length=64)]
Until = Annotated[str | None, Query(description=_TIME + "before that.", max_length=64)]
Page = Annotated[str | None, Query(description="`next` of the page before.", max_length=64)]
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="Rows at most.")]
Contact = Annotated[
    str | None, Query(description="This contact alone, as it is listed.", max_length=512)
]


def _filter(
    *,
    user: User = None,
    event: Annotated[Event | None, Query(description="This event alone.")] = None,
    since: Since = None,
    until: Until = None,
    before: Page = None,
) -> Filter:
    now = datetime.now(UTC)
    begin, end = moment(since, "since", now), moment(until, "until", now)
    return Filter(user, event, begin, end, cursor(before))


def registrations(desk: RegistrationDesk) -> APIRouter:
    """Return the paths below /registrations."""
    router = APIRouter(tags=["registrations"])

    @router.get("")
    def registered(
        user: User = None, limit: Annotated[int, Query(ge=1, le=MAX_REGISTERED)] = 10_000
    ) -> Registered:
        """List the phones that are registered now."""
        return desk.now(user, limit)

    @router.get("/history")
    def history(wanted: Annotated[Filter, Depends(_filter)], limit: Limit = 100) -> History:
        """List what happened to registrations, the newest first."""
        return desk.history(wanted, limit)

    @router.delete("/{user}", responses=_MISSING)
    def remove(user: str, contact: Contact = None) -> Removed:
        """Remove one contact of a user, or all. The phone may register again."""
        return desk.remove(user, contact)

    return router


def pushes(desk: PushDesk) -> APIRouter:
    """Return the paths below /pushes."""
    router = APIRouter(tags=["pushes"])

    @router.get("")
    def recent(
        state: Annotated[PushState | None, Query(description="This state alone.")] = None,
        user: User = None,
        before: Annotated[int | None, Query(ge=1, description="Ids below this one.")] = None,
        limit: Limit = 50,
    ) -> Pushes:
        """Tell how the outbox is doing, and list events of it, the newest first."""
        return desk.rows(state, user, before, limit)

    @router.get("/{number}", responses=_MISSING)
    def one(number: int) -> PushWithDocument:
        """Tell all of one event on its way."""
        return desk.row(number)

    @router.post("/retry", responses=_MISSING)
    def retry(wanted: Annotated[Retry, Body()] = Retry()) -> Altered:  # noqa: B008 - frozen
        """Send one, or all that are parked, again; they get the whole time again."""
        return desk.retry(wanted.id)

    @router.post("/purge")
    def purge(wanted: Annotated[Purge, Body()] = Purge()) -> Altered:  # noqa: B008 - frozen
        """Never send what is parked, or what is pending. It stays in the history."""
        return desk.purge(wanted)

    return router
