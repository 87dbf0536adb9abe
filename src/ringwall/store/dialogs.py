"""Kamailio's dialogs as it last wrote them back: up to 10 s ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    Subquery,
    Table,
    and_,
    or_,
    select,
)

from ringwall.store.database import Database
from ringwall.store.tables import metadata

# Kamailio's own; only the columns that matter here.
dialog = Table(
    "dialog",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hash_entry", Integer),
    Column("hash_id", Integer),
    Column("callid", String(255)),
    Column("from_tag", String(128)),
    Column("state", Integer),
    Column("start_time", Integer),
)
dialog_vars = Table(
    "dialog_vars",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hash_entry", Integer),
    Column("hash_id", Integer),
    Column("dialog_key", String(128)),
    Column("dialog_value", String(512)),
)
_PAGE = 2000


@dataclass(frozen=True, slots=True)
class StoredDialog:
    """A dialog that was answered; ``entry`` and ``number`` are its place in Kamailio's memory."""

    entry: int
    number: int
    call_id: str
    from_tag: str
    state: int
    answered: int
    variables: dict[str, str]


class StoredDialogs:
    """What Kamailio would know again after a restart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[StoredDialog]:
        """Return all of them; raise ``DatabaseAway``."""
        found: list[StoredDialog] = []
        after = 0
        with self._database.begin() as connection:
            while True:
                page = select(dialog).where(dialog.c.id > after).order_by(dialog.c.id).limit(_PAGE)
                rows = _read(connection, page)
                found += rows.values()
                if len(rows) < _PAGE:
                    return found
                after = max(rows)

    def of_call(self, call_id: str) -> list[StoredDialog]:
        """Return those that have this Call-ID or correlation id; raise ``DatabaseAway``."""
        belongs = select(dialog_vars.c.id).where(
            _variables_of(dialog),
            dialog_vars.c.dialog_key == "cid",
            dialog_vars.c.dialog_value == call_id,
        )
        query = select(dialog).where(or_(dialog.c.callid == call_id, belongs.exists()))
        with self._database.begin() as connection:
            return list(_read(connection, query).values())


def _read(connection: Connection, query: Select[Any]) -> dict[int, StoredDialog]:
    """Run a query of dialogs; return them, with their variables, by row."""
    found = {
        row.id: StoredDialog(
            row.hash_entry, row.hash_id, row.callid, row.from_tag, row.state, row.start_time, {}
        )
        for row in connection.execute(query)
    }
    page = query.subquery()
    variables = select(page.c.id, dialog_vars.c.dialog_key, dialog_vars.c.dialog_value)
    for row, key, value in connection.execute(variables.where(_variables_of(page))):
        if row in found:
            found[row].variables[key] = value
    return found


def _variables_of(dialogs: Table | Subquery) -> ColumnElement[bool]:
    return and_(
        dialog_vars.c.hash_entry == dialogs.c.hash_entry,
        dialog_vars.c.hash_id == dialogs.c.hash_id,
    )
