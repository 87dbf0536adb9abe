"""Reading what is on record of calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, true, union_all

from ringwall.errors import BadInput
from ringwall.store.database import Database
from ringwall.store.tables import cdr_legs, cdrs

Record: TypeAlias = dict[str, Any]
"""A row: texts, numbers, None, and times in UTC."""

# A page of an export is one short statement: it fills at most _PAGE rows of memory, and looks
# at _REACH rows of the table however rare the rows are that fit.
_PAGE, _REACH = 1000, 50_000
_HIDDEN = frozenset({"id", "updated_at"})
_CALL = [column for column in cdrs.columns if column.name not in _HIDDEN]
_LEG = [column for column in cdr_legs.columns if column.name not in _HIDDEN | {"correlation_id"}]

COLUMNS = ("correlation_id", "call_ids", *(column.name for column in _CALL[1:]))
"""What an export has of a call, in this order."""


class NoSuchCall(BadInput):
    """No call of this id is on record."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls; None: whichever.

    ``since`` (included) and ``until`` (not included) are the time of the INVITE, with a zone;
    ``user`` called or was called; ``number`` was dialled, all of it, or its beginning and ``*``;
    ``node`` is the PBX's.
    """

    since: datetime | None = None
    until: datetime | None = None
    user: str | None = None
    number: str | None = None
    node: str | None = None
    result: str | None = None


class Cdrs:
    """The calls on record. Every method raises ``DatabaseAway`` when the database is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recent(self, wanted: Wanted, limit: int) -> list[Record]:
        """Return the last calls, newest first."""
        newest = (cdrs.c.invited_at.desc(), cdrs.c.id.desc())
        # Each of these finds its rows by an index of its own; one OR of them finds none.
        parts = [
            select(
                select(cdrs.c.id)
                .where(*_filters(wanted), of_user)
                .order_by(*newest)
                .limit(limit)
                .subquery()
                .c.id
            )
            for of_user in _of_user(wanted.user)
        ]
        found = union_all(*parts).subquery()
        query = select(*_CALL).where(cdrs.c.id.in_(select(found.c.id)))
        with self._database.begin() as connection:
            return _with_call_ids(connection, query.order_by(*newest).limit(limit))

    def pages(self, wanted: Wanted) -> Iterator[list[Record]]:
        """Return all calls, oldest row first, in pages that together hold each call once.

        They are the calls that were on record when the first page was asked for.
        """
        first, last = self._bounds(wanted)
        while first <= last:
            reach = min(first + _REACH - 1, last)
            page, end = self._page(wanted, first, reach)
            first = end + 1
            if page:
                yield page

    def one(self, call_id: str) -> tuple[Record, list[Record]]:
        """Return a call and its legs, by correlation id or by any leg's Call-ID.

        Raises ``NoSuchCall``.
        """
        of_leg = select(cdr_legs.c.correlation_id).where(cdr_legs.c.call_id == call_id).limit(1)
        with self._database.begin() as connection:
            for correlation in (call_id, connection.execute(of_leg).scalar()):
                query = select(*_CALL).where(cdrs.c.correlation_id == correlation)
                found = _with_call_ids(connection, query) if correlation else []
                if found:
                    return found[0], _legs(connection, found[0]["correlation_id"])
        raise NoSuchCall(
            f"no call {call_id} is on record",
            "a call is on record when it has ended; `ringwall calls list` shows those that go on",
        )

    def _bounds(self, wanted: Wanted) -> tuple[int, int]:
        """Return the first and last row that can fit; the index of times has both at hand."""
        query = select(func.min(cdrs.c.id), func.max(cdrs.c.id)).where(*_times(wanted))
        with self._database.begin() as connection:
            first, last = connection.execute(query).one()
        return (0, -1) if first is None else (int(first), int(last))

    def _page(self, wanted: Wanted, first: int, reach: int) -> tuple[list[Record], int]:
        """Return the next page of rows ``first`` to ``reach``, and the last one it looked at."""
        query = (
            select(*_CALL, cdrs.c.id)
            .with_hint(cdrs, "FORCE INDEX (PRIMARY)", "mysql")
            .where(cdrs.c.id.between(first, reach), *_filters(wanted))
            .order_by(cdrs.c.id)
            .limit(_PAGE)
        )
        if wanted.user is not None:
            query = query.where(or_(*_of_user(wanted.user)))
        with self._database.begin() as connection:
            page = _with_call_ids(connection, query)
        end = reach if len(page) < _PAGE else int(page[-1]["id"])
        for record in page:
            del record["id"]
        return page, end


def _times(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.since:
        yield cdrs.c.invited_at >= _stored(wanted.since)
    if wanted.until:
        yield cdrs.c.invited_at < _stored(wanted.until)


def _filters(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """Return all conditions but the user's."""
    yield from _times(wanted)
    if wanted.number is not None:
        yield _is_number(wanted.number)
    if wanted.node is not None:
        yield cdrs.c.pbx_node == wanted.node
    if wanted.result is not None:
        yield cdrs.c.result == wanted.result


def _is_number(number: str) -> ColumnElement[bool]:
    columns = (cdrs.c.dialled, cdrs.c.number)
    if number.endswith("*"):
        return or_(*(column.startswith(number[:-1], autoescape=True) for column in columns))
    return or_(*(column == number for column in columns))


def _of_user(user: str | None) -> list[ColumnElement[bool]]:
    if user is None:
        return [true()]
    rang = select(cdr_legs.c.correlation_id).where(
        cdr_legs.c.callee == user, cdr_legs.c.direction == "to-user"
    )
    return [cdrs.c.caller == user, cdrs.c.dialled == user, cdrs.c.correlation_id.in_(rang)]


def _with_call_ids(connection: Connection, query: Select[Any]) -> list[Record]:
    """Run the query; give each call the Call-IDs of its legs, the first leg's first."""
    found = [_record(row) for row in connection.execute(query).mappings()]
    known: dict[str, list[str]] = {each["correlation_id"]: [] for each in found}
    legs = (
        select(cdr_legs.c.correlation_id, cdr_legs.c.call_id)
        .where(cdr_legs.c.correlation_id.in_(list(known)))
        .order_by(cdr_legs.c.invited_at, cdr_legs.c.id)
    )
    for correlation, call_id in connection.execute(legs) if known else ():
        if call_id not in known[correlation]:
            known[correlation].append(call_id)
    return [{**each, "call_ids": known[each["correlation_id"]]} for each in found]


def _legs(connection: Connection, correlation: str) -> list[Record]:
    query = select(*_LEG).where(cdr_legs.c.correlation_id == correlation)
    found = connection.execute(query.order_by(cdr_legs.c.invited_at, cdr_legs.c.id))
    return [_record(row) for row in found.mappings()]


def _record(row: Any) -> Record:  # noqa: ANN401 - a row's values
    return {
        key: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for key, value in row.items()
    }


def _stored(moment: datetime) -> datetime:
    """Return the time as the tables have it: UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
