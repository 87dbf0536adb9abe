"""Refusals on record: why a request was refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.dialects.mysql import insert

from ringwall.store.database import Database
from ringwall.store.tables import verdicts

VerdictRow: TypeAlias = dict[str, Any]
"""A row by the names of its columns; times in UTC, without a zone where they are written."""

_SHOWN = [column for column in verdicts.columns if column.name != "event_id"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which refusals; None: whichever. ``since`` has a zone and is included."""

    address: str | None = None
    call_id: str | None = None
    user: str | None = None
    since: datetime | None = None


def write(connection: Connection, rows: Sequence[VerdictRow]) -> None:
    """Write them, within the caller's transaction; those that are there stay as they are."""
    if not rows:
        return
    unchanged = {"event_id": verdicts.c.event_id}
    connection.execute(insert(verdicts).on_duplicate_key_update(unchanged), rows)


class StoredVerdicts:
    """Reads; raises ``DatabaseAway``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recent(self, asked: Asked, limit: int) -> list[VerdictRow]:
        """Return the last refusals, newest first."""
        newest = (verdicts.c.at.desc(), verdicts.c.id.desc())
        query = select(*_SHOWN).where(*_filters(asked)).order_by(*newest).limit(limit)
        with self._database.begin() as connection:
            found = connection.execute(query).mappings()
            return [{**row, "at": row["at"].replace(tzinfo=UTC)} for row in found]


def _filters(asked: Asked) -> Iterator[ColumnElement[bool]]:
    if asked.address is not None:
        yield verdicts.c.source_address == asked.address
    if asked.call_id is not None:
        yield verdicts.c.call_id == asked.call_id
    if asked.user is not None:
        yield verdicts.c.user == asked.user
    if asked.since is not None:
        yield verdicts.c.at >= asked.since.astimezone(UTC).replace(tzinfo=None)
