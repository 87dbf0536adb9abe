"""Registrations: those that are, as Kamailio last wrote them back, and those that were."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Text, func, literal_column, select, tuple_, type_coerce

from ringwall.store.database import Database
from ringwall.store.tables import location
from ringwall.store.tables import registration_events as events

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events: ``since`` included, ``until`` not; before an event's time and number."""

    user: str | None = None
    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, int] | None = None


class StoredRegistrations:
    """Reads; every method is one transaction and raises ``DatabaseAway``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def contacts(self, user: str | None, most: int) -> list[Row]:
        """Return contacts, by user: up to 10 s old. ``expires`` is in seconds from now."""
        left = func.timestampdiff(
            literal_column("SECOND"), func.utc_timestamp(), location.c.expires
        )
        query = (
            select(
                location.c.username.label("user"), location.c.domain, location.c.contact,
                location.c.received, left.label("expires"), location.c.user_agent,
                location.c.callid.label("call_id"), location.c.cseq, location.c.socket,
            )
            .where(location.c.expires > func.utc_timestamp())
            .order_by(location.c.username, location.c.contact)
            .limit(most)
        )  # fmt: skip
        if user is not None:
            query = query.where(location.c.username == user)
        with self._database.begin() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def history(self, wanted: Filter, most: int) -> list[Row]:
        """Return what was recorded, the newest first: the document, with ``number``."""
        query = (
            select(events.c.id, type_coerce(events.c.document, Text))
            .order_by(events.c.at.desc(), events.c.id.desc())
            .limit(most)
        )
        if wanted.user is not None:
            query = query.where(events.c.user == wanted.user)
        if wanted.event is not None:
            query = query.where(events.c.event == wanted.event)
        if wanted.since is not None:
            query = query.where(events.c.at >= _naive(wanted.since))
        if wanted.until is not None:
            query = query.where(events.c.at < _naive(wanted.until))
        if wanted.before is not None:
            at, number = wanted.before
            query = query.where(events.c.at <= _naive(at))
            query = query.where(tuple_(events.c.at, events.c.id) < (_naive(at), number))
        with self._database.begin() as connection:
            return [
                {**json.loads(text), "number": number} for number, text in connection.execute(query)
            ]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
