"""Writing records: legs and their calls, ``acc`` and ``missed_calls``, the outbox.

What is written twice is there once: a leg is known by its dialog, a registration by its
``event_id``, and all that follows from a leg is written in the transaction that inserts it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from http import HTTPStatus
from typing import TypeAlias

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects.mysql import insert

from ringwall.store.calls import Key, LegRow, Value, call, preferred, reuses
from ringwall.store.tables import acc, cdr_legs, cdrs, missed_calls, registration_events

_LEG_NAMES = tuple(each.name for each in fields(LegRow))
_LEG_COLUMNS = tuple(cdr_legs.c[name] for name in _LEG_NAMES)
# Those of RFC 3261 that HTTP has not, or calls otherwise.
_PHRASES = {
    404: "Not Found",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}

Row: TypeAlias = dict[str, Value]
Calls: TypeAlias = Mapping[str, Mapping[Key, LegRow]]


@dataclass(frozen=True, slots=True)
class RegistrationRow:
    """A row of the outbox that is new; ``document`` is JSON.

    ``state`` is ``pending``, or ``none`` where nobody is to be told of it.
    """

    event_id: str
    user: str
    domain: str
    event: str
    at: datetime
    document: str
    state: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch came to."""

    legs: int
    """Legs that were new."""
    calls: int
    """Rows of ``cdrs`` that were written or brought up to date."""
    reused: tuple[str, ...]
    """Correlation ids that several calls went by."""


def write(
    connection: Connection,
    legs: Sequence[LegRow],
    registrations: Sequence[RegistrationRow],
    now: datetime,
) -> Written:
    """Write all of it, within the caller's transaction; again, and nothing changes."""
    _add_registrations(connection, registrations, now)
    return _write_legs(connection, legs, now)


def merge(known: Calls, legs: Iterable[LegRow]) -> dict[str, dict[Key, LegRow]]:
    """Return the calls that ``legs`` belong to, with all their legs."""
    merged = {cid: dict(of_call) for cid, of_call in known.items()}
    for leg in legs:
        of_call = merged.setdefault(leg.correlation_id, {})
        before = of_call.get(leg.key)
        of_call[leg.key] = preferred(before, leg) if before else leg
    return merged


def _write_legs(connection: Connection, legs: Sequence[LegRow], now: datetime) -> Written:
    if not legs:
        return Written(0, 0, ())
    known = _known(connection, {leg.correlation_id for leg in legs})
    merged = merge(known, legs)
    fresh, changed = _differences(known, merged)
    _insert(connection, cdr_legs, [_stored(_row(leg), now) for leg in fresh])
    _upsert(connection, cdr_legs, [_stored(_row(leg), now) for leg in changed])
    touched = {leg.correlation_id: merged[leg.correlation_id] for leg in fresh + changed}
    rows = [_stored(call(of_call.values()), now) for of_call in touched.values()]
    _upsert(connection, cdrs, rows)
    _account(connection, fresh)
    reused = tuple(cid for cid, of_call in touched.items() if reuses(of_call.values()))
    return Written(len(fresh), len(rows), reused)


def _known(connection: Connection, correlations: set[str]) -> Calls:
    """Read what is on record of these calls."""
    query = select(*_LEG_COLUMNS).where(cdr_legs.c.correlation_id.in_(sorted(correlations)))
    known: dict[str, dict[Key, LegRow]] = defaultdict(dict)
    for row in connection.execute(query):
        leg = LegRow(*row)
        known[leg.correlation_id][leg.key] = leg
    return known


def _differences(known: Calls, merged: Calls) -> tuple[list[LegRow], list[LegRow]]:
    """Return the legs that are new, and those that are told otherwise than before."""
    fresh, changed = [], []
    for cid, of_call in merged.items():
        before = known.get(cid, {})
        fresh += [leg for key, leg in of_call.items() if key not in before]
        changed += [leg for key, leg in of_call.items() if key in before and before[key] != leg]
    return fresh, changed


def _account(connection: Connection, fresh: Sequence[LegRow]) -> None:
    """Write what Kamailio's module acc would have: the end of each INVITE and of each dialog."""
    rows = [row for leg in fresh for row in _transactions(leg)]
    _insert(connection, acc, rows)
    missed = [
        _transaction(leg, "INVITE", leg.sip_code, leg.ended_at)
        for leg in fresh
        if leg.direction == "to-user" and leg.answered_at is None
    ]
    _insert(connection, missed_calls, missed)


def _transactions(leg: LegRow) -> list[Row]:
    if leg.answered_at is None:
        return [_transaction(leg, "INVITE", leg.sip_code, leg.ended_at)]
    return [
        _transaction(leg, "INVITE", HTTPStatus.OK, leg.answered_at),
        _transaction(leg, "BYE", HTTPStatus.OK, leg.ended_at),
    ]


def _transaction(leg: LegRow, method: str, code: int, time: datetime) -> Row:
    return {
        "method": method,
        "from_tag": leg.from_tag,
        "to_tag": leg.to_tag,
        "callid": leg.call_id,
        "sip_code": f"{code:03}",
        "sip_reason": _phrase(code),
        "time": time.replace(microsecond=0),
        "correlation_id": leg.correlation_id,
        "src_user": leg.caller,
        "src_ip": leg.source_address,
        "dst_user": leg.callee,
        "dst_ouser": leg.dialled,
    }


def _phrase(code: int) -> str:
    if code in _PHRASES:
        return _PHRASES[code]
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return ""


def _add_registrations(
    connection: Connection, registrations: Sequence[RegistrationRow], now: datetime
) -> None:
    """Put them at the end of the outbox, in order; those that are in it stay as they are."""
    if not registrations:
        return
    fresh = {"attempts": 0, "next_attempt_at": now, "last_error": ""}
    rows = [{**asdict(each), **fresh, "created_at": now} for each in registrations]
    statement = insert(registration_events)
    unchanged = {"event_id": registration_events.c.event_id}
    connection.execute(statement.on_duplicate_key_update(unchanged), rows)


def _row(leg: LegRow) -> Row:
    return {name: getattr(leg, name) for name in _LEG_NAMES}


def _stored(row: Row, now: datetime) -> Row:
    return {**row, "masked": False, "updated_at": now}


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    if rows:
        statement = insert(table)
        update = {name: statement.inserted[name] for name in rows[0]}
        connection.execute(statement.on_duplicate_key_update(update), rows)
