"""The outbox: registration events on their way to an external application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, func, select, type_coerce, update

from ringwall.errors import BadInput
from ringwall.store.database import Database
from ringwall.store.tables import registration_events as events

STATES = ("pending", "sent", "parked", "none")
# Rows that one statement changes: it locks them for some milliseconds.
_STEP = 5000
_MAX_ERROR = 255
_PURGED = "purged"
# Left alone, the planner may take the primary key and read through a month of history.
_STATES, _QUEUES = "FORCE INDEX (states)", "FORCE INDEX (queues)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pending row, as the worker needs it."""

    id: int
    event_id: str
    address: tuple[str, str]
    document: str
    attempts: int
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class PushRow:
    """A row of the outbox, as people look at it. Times are UTC, with their zone."""

    id: int
    event_id: str
    user: str
    domain: str
    event: str
    at: datetime
    state: str
    attempts: int
    last_error: str | None
    queued_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many rows wait and are parked, and since when the oldest one waits."""

    pending: int
    parked: int
    oldest: datetime | None

    def lag_seconds(self, now: datetime) -> float:
        """Return how long the oldest one has waited; 0 where none does."""
        return max((now - self.oldest).total_seconds(), 0.0) if self.oldest else 0.0


class NoSuchPush(BadInput):
    """There is no row of this number."""


class Outbox:
    """The table ``registration_events`` as a queue; also Registrations' worker's view of it.

    Every method is one transaction and raises ``DatabaseAway`` when the database is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, after: int, most: int) -> list[Waiting]:
        """Return pending rows with greater ids, in the order of their ids."""
        return self._waiting(events.c.id > after, most, _STATES)

    def waiting_of(self, address: tuple[str, str], upto: int, most: int) -> list[Waiting]:
        """Return a user's first pending rows with ids up to ``upto``, in that order."""
        user, domain = address
        mine = (events.c.user == user) & (events.c.domain == domain) & (events.c.id <= upto)
        return self._waiting(mine, most, _QUEUES)

    def sent(self, ids: Sequence[int], at: datetime) -> None:
        """Note that they were delivered."""
        self._change(ids, state="sent", sent_at=_naive(at), last_error="")

    def failed(self, ids: Sequence[int], error: str, next_attempt_at: datetime) -> None:
        """Note one attempt more; they stay pending."""
        self._change(ids, last_error=error[:_MAX_ERROR], next_attempt_at=_naive(next_attempt_at))

    def parked(self, ids: Sequence[int], error: str) -> None:
        """Note one attempt more, the last."""
        self._change(ids, state="parked", last_error=error[:_MAX_ERROR])

    def park_old(self, before: datetime, error: str) -> int:
        """Park the first thousands of those that have waited since ``before``; return how many."""
        return self._park(events.c.created_at <= _naive(before), error)

    def park_excess(self, keep: int, error: str) -> int:
        """Park the first thousands of the oldest beyond ``keep``; return how many."""
        newest = (
            select(events.c.id)
            .where(events.c.state == "pending")
            .order_by(events.c.id.desc())
            .offset(keep)
            .limit(1)
            .with_hint(events, _STATES)
        )
        with self._database.begin() as connection:
            last = connection.execute(newest).scalar()
        return 0 if last is None else self._park(events.c.id <= last, error)

    def backlog(self) -> Backlog:
        """Count what waits and what is parked."""
        oldest = (
            select(events.c.created_at)
            .where(events.c.state == "pending")
            .order_by(events.c.id)
            .limit(1)
        )
        with self._database.begin() as connection:
            counts = {
                state: connection.execute(
                    select(func.count()).select_from(events).where(events.c.state == state)
                ).scalar_one()
                for state in ("pending", "parked")
            }
            since = connection.execute(oldest).scalar()
        return Backlog(counts["pending"], counts["parked"], _aware(since))

    def rows(
        self, state: str | None, user: str | None, before: int | None, most: int
    ) -> list[PushRow]:
        """Return rows, the newest first, with ids below ``before``."""
        query = _PUSHES.order_by(events.c.id.desc()).limit(most)
        if state is not None:
            query = query.where(events.c.state == state)
        if user is not None:
            query = query.where(events.c.user == user)
        elif state is not None:
            query = query.with_hint(events, _STATES)
        if before is not None:
            query = query.where(events.c.id < before)
        with self._database.begin() as connection:
            return [_push(row) for row in connection.execute(query)]

    def row(self, number: int) -> tuple[PushRow, str]:
        """Return a row and its document; raise ``NoSuchPush``."""
        query = _PUSHES.add_columns(_DOCUMENT).where(events.c.id == number)
        with self._database.begin() as connection:
            found = connection.execute(query).one_or_none()
        if found is None:
            raise _unknown(number)
        return _push(found[:-1]), str(found[-1])

    def retry(self, number: int | None, now: datetime) -> int:
        """Make parked rows, or one row that was not sent, pending again; return how many.

        They get the whole time again until they are given up.
        """
        fresh = {
            "state": "pending", "attempts": 0, "created_at": _naive(now),
            "next_attempt_at": _naive(now),
        }  # fmt: skip
        if number is None:
            return self._in_steps(events.c.state == "parked", fresh)
        self.row(number)
        unsent = events.c.state.in_(("pending", "parked"))
        return self._in_steps((events.c.id == number) & unsent, fresh, once=True)

    def purge(self, state: str, before: datetime | None) -> int:
        """Send rows of this state never; they stay in the history. Return how many."""
        chosen = events.c.state == state
        if before is not None:
            chosen &= events.c.created_at <= _naive(before)
        return self._in_steps(chosen, {"state": "none", "last_error": _PURGED})

    def _waiting(self, condition: ColumnElement[bool], most: int, index: str) -> list[Waiting]:
        query = (
            select(
                events.c.id, events.c.event_id, events.c.user, events.c.domain, _DOCUMENT,
                events.c.attempts, events.c.created_at,
            )
            .where(events.c.state == "pending", condition)
            .order_by(events.c.id)
            .limit(most)
        )  # fmt: skip
        with self._database.begin() as connection:
            return [_waiting(row) for row in connection.execute(query.with_hint(events, index))]

    def _change(self, ids: Sequence[int], **values: object) -> None:
        attempts = events.c.attempts + 1
        statement = update(events).where(events.c.id.in_(ids)).values(attempts=attempts, **values)
        with self._database.begin() as connection:
            connection.execute(statement)

    def _park(self, condition: ColumnElement[bool], error: str) -> int:
        oldest = (
            select(events.c.id)
            .where(events.c.state == "pending", condition)
            .order_by(events.c.id)
            .limit(_STEP)
            .with_hint(events, _STATES)
        )
        return self._set(oldest, {"state": "parked", "last_error": error[:_MAX_ERROR]})

    def _in_steps(
        self, condition: ColumnElement[bool], values: dict[str, object], once: bool = False
    ) -> int:
        chosen = select(events.c.id).where(condition).order_by(events.c.id).limit(_STEP)
        changed = step = self._set(chosen, values)
        while step == _STEP and not once:
            step = self._set(chosen, values)
            changed += step
        return changed

    def _set(self, chosen: Select[int], values: dict[str, object]) -> int:
        with self._database.begin() as connection:
            ids = connection.execute(chosen).scalars().all()
            if ids:
                connection.execute(update(events).where(events.c.id.in_(ids)).values(values))
        return len(ids)


# As text: what is sent is what was written, byte by byte.
_DOCUMENT = type_coerce(events.c.document, Text)
_PUSHES = select(
    events.c.id, events.c.event_id, events.c.user, events.c.domain, events.c.event, events.c.at,
    events.c.state, events.c.attempts, events.c.last_error, events.c.created_at,
    events.c.next_attempt_at, events.c.sent_at,
)  # fmt: skip


def _waiting(row: Sequence[Any]) -> Waiting:
    number, key, user, domain, document, attempts, queued = row
    # The domain and the user of one phone may be written in several ways.
    address = (user.lower(), domain.lower())
    return Waiting(number, key, address, document, attempts, _utc(queued))


def _push(row: Sequence[Any]) -> PushRow:
    number, key, user, domain, event, at, state, attempts, error, queued, next_at, sent = row
    return PushRow(
        id=number,
        event_id=key,
        user=user,
        domain=domain,
        event=event,
        at=_utc(at),
        state=state,
        attempts=attempts,
        last_error=error or None,
        queued_at=_utc(queued),
        next_attempt_at=_aware(next_at) if state == "pending" else None,
        sent_at=_aware(sent),
    )


def _unknown(number: int) -> NoSuchPush:
    return NoSuchPush(f"there is no push {number}", "`ringwall pushes list` shows them")


def _naive(moment: datetime) -> datetime:
    """Return it as the tables hold it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else _utc(moment)
