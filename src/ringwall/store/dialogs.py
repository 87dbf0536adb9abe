"""The calls that go on, in Kamailio's own tables ``dialog`` and ``dialog_vars``: read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    and_,
    or_,
    select,
)

from ringwall.store.database import Database
from ringwall.store.tables import dialog, dialog_vars

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
    """What Kamailio would know again after a restart; ``store.kept_dialogs`` writes it."""

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
