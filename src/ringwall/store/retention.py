"""Keeping records no longer, and no more of them, than asked: in steps that nobody waits for.

A step reads and removes at most 1,000 rows next to each other by primary key, the oldest of
their table, in a transaction of its own.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from typing import TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    delete,
    func,
    select,
    true,
    update,
)
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.exc import SQLAlchemyError

from ringwall.config.records_model import Records
from ringwall.config.types import Duration
from ringwall.errors import RingwallError
from ringwall.store.database import Database
from ringwall.store.tables import (
    acc,
    cdr_legs,
    cdrs,
    missed_calls,
    record_marks,
    registration_events,
    verdicts,
)

STEP = 1000
_COUNT_STEP = 50_000
_PAUSE_SECONDS = 0.05
_DAY_SECONDS, _AGAIN_SECONDS = 86_400.0, 300.0
_HIDDEN = "xxx"
_log = logging.getLogger(__name__)

Halt: TypeAlias = Callable[[], bool]
"""Pauses; true says to stop."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is kept of a table: rows younger than ``age``, and at most ``rows``; None: all."""

    table: Table
    time: str
    """The column that tells a row's age."""
    age: Duration | None
    rows: int | None
    last: ColumnElement[bool] | None = None
    """Rows that only go for their number when there are no others left."""


_NUMBERS: Mapping[Table, tuple[str, ...]] = {
    cdrs: ("caller", "dialled", "number"),
    cdr_legs: ("caller", "callee", "dialled"),
    acc: ("src_user", "dst_user", "dst_ouser"),
    missed_calls: ("src_user", "dst_user", "dst_ouser"),
}
_TIMES = {
    cdrs: "ended_at",
    cdr_legs: "ended_at",
    acc: "time",
    missed_calls: "time",
    registration_events: "created_at",
    verdicts: "at",
}


def rules(records: Records) -> tuple[Rule, ...]:
    """Return the settings as rules, a table each."""
    age, most = records.retention, records.max_rows
    pending = registration_events.c.state == "pending"
    return (
        _rule(cdrs, age.cdrs, most.cdrs),
        _rule(cdr_legs, age.legs, most.legs),
        _rule(acc, age.acc, most.acc),
        _rule(missed_calls, age.missed_calls, most.missed_calls),
        _rule(registration_events, age.registration_events, most.registration_events, last=pending),
        _rule(verdicts, age.verdicts, most.verdicts),
    )


def run(database: Database, records: Records, stop: Flag) -> None:
    """Sweep at once and then daily, until ``stop``; sooner again where it failed."""
    while not stop.is_set():
        try:
            removed = sweep(database, records, lambda: stop.wait(_PAUSE_SECONDS))
            if removed:
                _log.info("retention: %s", ", ".join(f"{k} {v}" for k, v in removed.items()))
            stop.wait(_DAY_SECONDS)
        except (RingwallError, SQLAlchemyError) as error:
            _log.warning("retention: %s; it is tried again", error)
            stop.wait(_AGAIN_SECONDS)


def sweep(database: Database, records: Records, halt: Halt) -> dict[str, int]:
    """Remove and mask what is due; return how many rows that were, by table."""
    now = datetime.now(UTC).replace(tzinfo=None)
    done: Counter[str] = Counter()
    for rule in rules(records):
        sweeper = _Sweeper(database, rule, halt)
        if rule.age is not None:
            done[rule.table.name] += sweeper.expire(now - timedelta(seconds=rule.age.seconds))
        if rule.rows is not None:
            done[rule.table.name] += sweeper.trim(rule.rows)
    if records.mask_numbers_after is not None:
        before = now - timedelta(seconds=records.mask_numbers_after.seconds)
        for table in _NUMBERS:
            done[f"{table.name} masked"] = _mask(database, table, before, halt)
    return {name: number for name, number in done.items() if number}


def _rule(
    table: Table,
    age: Duration | None,
    rows: int | None,
    last: ColumnElement[bool] | None = None,
) -> Rule:
    return Rule(table, _TIMES[table], age, rows, last)


class _Sweeper:
    """Removes the oldest rows of one table."""

    def __init__(self, database: Database, rule: Rule, halt: Halt) -> None:
        self._database, self._rule, self._halt = database, rule, halt
        self._table = rule.table

    def expire(self, before: datetime) -> int:
        """Remove what is older; rows are in the order of their time, but for some hours."""
        old = self._table.c[self._rule.time] < before
        return self._walk(old, None, until_none=True)

    def trim(self, most: int) -> int:
        """Remove the oldest rows above ``most``."""
        excess = self._count() - most
        if excess <= 0:
            return 0
        last = self._rule.last
        removed = self._walk(~last, excess) if last is not None else 0
        if removed < excess:
            dear = self._walk(true(), excess - removed)
            if last is not None and dear:
                _log.error("%s is full: %d rows were lost", self._table.name, dear)
            removed += dear
        return removed

    def _count(self) -> int:
        """Count the rows, in steps: one query would take as long as the table is large."""
        number, after = 0, 0
        while not self._halt():
            ids = select(self._table.c.id).where(self._table.c.id > after)
            step = ids.order_by(self._table.c.id).limit(_COUNT_STEP).subquery()
            found = select(func.count().label("number"), func.max(step.c.id).label("end"))
            with self._database.begin() as connection:
                row = connection.execute(found.select_from(step)).one()
            if not row.number:
                break
            number, after = number + row.number, row.end
        return number

    def _walk(
        self, which: ColumnElement[bool], most: int | None, *, until_none: bool = False
    ) -> int:
        """Remove rows from the oldest on; ``until_none``: no further than a step without any."""
        removed, after = 0, 0
        while most is None or removed < most:
            size = STEP if most is None else min(STEP, most - removed)
            with self._database.begin() as connection:
                ids = _ids(connection, self._table, after, size)
                if not ids:
                    break
                gone = connection.execute(
                    delete(self._table).where(_between(self._table, ids), which)
                ).rowcount
            removed, after = removed + gone, ids[-1]
            if (until_none and not gone) or self._halt():
                break
        return removed


def _mask(database: Database, table: Table, before: datetime, halt: Halt) -> int:
    """Hide the ends of the numbers of older rows; return how many rows were passed."""
    time, passed = table.c[_TIMES[table]], 0
    while True:
        with database.begin() as connection:
            after = connection.execute(
                select(record_marks.c.masked_id).where(record_marks.c.table_name == table.name)
            ).scalar()
            due = select(table.c.id).where(table.c.id > (after or 0))
            step = due.add_columns(time).order_by(table.c.id).limit(STEP)
            ids = _leading(connection.execute(step).all(), before)
            if not ids:
                return passed
            connection.execute(update(table).where(_between(table, ids)).values(_masked(table)))
            mark = insert(record_marks).values(table_name=table.name, masked_id=ids[-1])
            connection.execute(mark.on_duplicate_key_update(masked_id=ids[-1]))
        passed += len(ids)
        if halt():
            return passed


def _leading(rows: Iterable[Row[int, datetime]], before: datetime) -> list[int]:
    """Return the ids up to the first row that is too young: the mark must not pass it."""
    ids = []
    for number, time in rows:
        if time >= before:
            break
        ids.append(number)
    return ids


def _masked(table: Table) -> dict[str, ColumnElement[str] | bool]:
    """Hide the last three characters: doing it again changes nothing."""
    values: dict[str, ColumnElement[str] | bool] = {}
    for name in _NUMBERS[table]:
        column = table.c[name]
        shown = func.greatest(func.char_length(column) - len(_HIDDEN), 0)
        hidden = func.concat(func.left(column, shown), _HIDDEN)
        values[name] = func.if_(column == "", "", hidden)
    if "target" in table.c:
        values["target"] = func.substring_index(table.c.target, "@", -1)
    if "masked" in table.c:
        values["masked"] = True
    return values


def _ids(connection: Connection, table: Table, after: int, size: int) -> list[int]:
    query = select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(size)
    return list(connection.execute(query).scalars())


def _between(table: Table, ids: Sequence[int]) -> ColumnElement[bool]:
    return and_(table.c.id >= ids[0], table.c.id <= ids[-1])
