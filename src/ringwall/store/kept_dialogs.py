"""Writing the calls that go on into Kamailio's own tables, and giving them back to its start.

Kamailio's module ``dialog`` writes none of them itself: it would in SIP workers, or with their
locks held, and calls would wait for MariaDB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, or_, select

from ringwall.store.tables import dialog, dialog_at_start, dialog_vars, dialog_vars_at_start

Place: TypeAlias = tuple[int, int]
"""Where Kamailio's memory has a dialog: hash entry, and number in it."""
# Each is a condition of the statement.
_PLACES = 250
_KEPT = {dialog: dialog_at_start, dialog_vars: dialog_vars_at_start}


@dataclass(frozen=True, slots=True)
class KeptDialog:
    """A row of ``dialog``, without its place, and its variables."""

    place: Place
    columns: dict[str, str | int]
    variables: dict[str, str]


def write(connection: Connection, kept: Sequence[KeptDialog], over: Sequence[Place]) -> None:
    """Write those that go on, and forget those that are over; again, and nothing changes."""
    places = sorted({*over, *(each.place for each in kept)})
    for begin in range(0, len(places), _PLACES):
        some = places[begin : begin + _PLACES]
        for table in _KEPT:
            connection.execute(delete(table).where(_at(table, some)))
    _insert(connection, dialog, [{**_place(each), **each.columns} for each in kept])
    variables = [
        {**_place(each), "dialog_key": name, "dialog_value": value}
        for each in kept
        for name, value in each.variables.items()
    ]
    _insert(connection, dialog_vars, variables)


def put_back(connection: Connection) -> None:
    """Let the next start of Kamailio find what goes on, and that alone."""
    for kept, at_start in _KEPT.items():
        connection.execute(delete(at_start))
        columns = [column for column in kept.columns if not column.primary_key]
        names = [column.name for column in columns]
        connection.execute(insert(at_start).from_select(names, select(*columns)))


def _at(table: Table, places: Sequence[Place]) -> ColumnElement[bool]:
    entry, number = table.c.hash_entry, table.c.hash_id
    return or_(*(and_(entry == place[0], number == place[1]) for place in places))


def _place(kept: KeptDialog) -> dict[str, str | int]:
    entry, number = kept.place
    return {"hash_entry": entry, "hash_id": number}


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, str | int]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
