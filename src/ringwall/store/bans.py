"""Bans: who is kept away, by whom, until when; and for a day, how often that was so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.mysql import insert

from ringwall.store.database import Database
from ringwall.store.tables import bans

MEMORY = timedelta(days=1)
"""How long a ban that is over makes the next one longer; the view `ban_counts` knows it too."""


@dataclass(frozen=True, slots=True)
class Ban:
    """One address that is kept away. Times have a zone."""

    address: str
    reason: str
    made_by: str
    since: datetime
    until: datetime
    count: int = 1
    """How many bans there were, this one included."""
    in_kernel: bool = True
    """False: somebody is registered from there, and only Kamailio refuses it."""

    def left(self, now: datetime) -> int:
        """Return the seconds until its end, at least one."""
        return max(1, round((self.until - now).total_seconds()))


def _now() -> datetime:
    return datetime.now(UTC)


class StoredBans:
    """Every method is one transaction and raises ``DatabaseAway``."""

    def __init__(self, database: Database, now: Callable[[], datetime] = _now) -> None:
        self._database, self.now = database, now

    def active(self) -> list[Ban]:
        """Return the bans that hold now, by their end."""
        query = select(bans).where(bans.c.until > _naive(self.now())).order_by(bans.c.until)
        with self._database.begin() as connection:
            return [_ban(dict(row)) for row in connection.execute(query).mappings()]

    def count(self, address: str) -> int:
        """Return how many bans of the address are remembered."""
        query = select(bans.c["count"]).where(bans.c.address == address)
        with self._database.begin() as connection:
            return int(connection.execute(query).scalar() or 0)

    def put(self, ban: Ban) -> None:
        """Write it down, instead of an older one of the address."""
        values = {
            "address": ban.address, "reason": ban.reason[:255], "made_by": ban.made_by,
            "since": _naive(ban.since), "until": _naive(ban.until), "count": ban.count,
            "in_kernel": ban.in_kernel,
        }  # fmt: skip
        with self._database.begin() as connection:
            connection.execute(insert(bans).values(values).on_duplicate_key_update(values))

    def remove(self, address: str) -> bool:
        """Forget all bans of the address; return whether there was anything."""
        with self._database.begin() as connection:
            done = connection.execute(delete(bans).where(bans.c.address == address))
            return bool(done.rowcount)

    def forget(self) -> None:
        """Remove what is over for longer than ``MEMORY``."""
        old = _naive(self.now() - MEMORY)
        with self._database.begin() as connection:
            connection.execute(delete(bans).where(bans.c.until < old))


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _ban(row: dict[str, Any]) -> Ban:
    zoned = {name: row[name].replace(tzinfo=UTC) for name in ("since", "until")}
    return Ban(**row | zoned)
