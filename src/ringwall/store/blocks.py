"""Who is blocked and who is allowed: Kamailio's table `address`, and Ringwall's beside it.

`address` says what is on the list (`kamctl address show` reads it), `address_notes` why and until
when, `blocklist_keys` is what Kamailio looks up (block_book.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, delete, insert, select, text, tuple_
from sqlalchemy.dialects.mysql import insert as upsert

from ringwall.errors import BadInput
from ringwall.store.block_book import Entry, Keys, Network, read_target
from ringwall.store.database import Database
from ringwall.store.tables import address, address_notes, blocklist_keys

BLOCKED, ALLOWED = 403, 200
"""The groups of the table `address`: 1 is what other people's trunks are in."""
_GROUPS = (BLOCKED, ALLOWED)
_CHUNK = 2000
_log = logging.getLogger(__name__)
_Item = TypeVar("_Item")


class NoSuchBlock(BadInput):
    """The address or network is not on the list."""


def _now() -> datetime:
    return datetime.now(UTC)


class StoredBlocks:
    """Every method is one transaction and raises ``DatabaseAway``."""

    def __init__(self, database: Database, now: Callable[[], datetime] = _now) -> None:
        self._database, self.now = database, now

    def read(self) -> list[Entry]:
        """Return all entries; one of a group that other tools have spoilt is passed over."""
        listed = (
            select(address.c.ip_addr, address.c.mask, address.c.grp, address.c.tag)
            .where(address.c.grp.in_(_GROUPS))
            # Of two rows of a network the later counts here: the allowed one.
            .order_by(address.c.grp.desc())
        )
        with self._database.begin() as connection:
            # Joined here: the two tables need not have one character set, and no index helps then.
            found = connection.execute(select(address_notes)).mappings()
            notes = {(note["ip_addr"], note["mask"]): note for note in found}
            rows = connection.execute(listed).mappings().all()
        entries = (_entry(row, notes.get((row["ip_addr"], row["mask"]))) for row in rows)
        return [entry for entry in entries if entry is not None]

    def keys(self) -> dict[str, int]:
        """Return what Kamailio reads."""
        query = select(blocklist_keys.c.key_name, blocklist_keys.c.key_value)
        with self._database.begin() as connection:
            return {str(name): int(value) for name, value in connection.execute(query)}

    def state(self) -> int:
        """Return a number that is another one when somebody else has changed the list."""
        with self._database.begin() as connection:
            return int(connection.execute(text("CHECKSUM TABLE address")).one()[1] or 0)

    def change(self, put: Sequence[Entry], gone: Iterable[Network], keys: Keys) -> None:
        """Write and remove entries, and what that means for Kamailio: all of it or nothing."""
        touched = [entry.network for entry in put] + list(gone)
        with self._database.begin() as connection:
            for networks in _parts(touched):
                _remove(connection, networks)
            for entries in _parts(put):
                connection.execute(insert(address), [_row(entry) for entry in entries])
                connection.execute(insert(address_notes), [self._note(one) for one in entries])
            _write_keys(connection, keys)

    def _note(self, entry: Entry) -> dict[str, Any]:
        since, until = entry.since or self.now(), entry.until
        return _place(entry.network) | {
            "comment": entry.comment,
            "since": _naive(since),
            "until": None if until is None else _naive(until),
        }


def _remove(connection: Connection, networks: Sequence[Network]) -> None:
    places = [tuple(_place(network).values()) for network in networks]
    for table in (address, address_notes):
        connection.execute(delete(table).where(tuple_(table.c.ip_addr, table.c.mask).in_(places)))


def _write_keys(connection: Connection, keys: Keys) -> None:
    gone = [name for name, value in keys.items() if value is None]
    for names in _parts(gone):
        connection.execute(delete(blocklist_keys).where(blocklist_keys.c.key_name.in_(names)))
    rows = [{"key_name": n, "key_value": str(v)} for n, v in keys.items() if v is not None]
    statement = upsert(blocklist_keys)
    statement = statement.on_duplicate_key_update(key_value=statement.inserted.key_value)
    for part in _parts(rows):
        connection.execute(statement, part)


def _place(network: Network) -> dict[str, Any]:
    return {"ip_addr": str(network.network_address), "mask": network.prefixlen}


def _row(entry: Entry) -> dict[str, Any]:
    group = ALLOWED if entry.allowed else BLOCKED
    return _place(entry.network) | {"grp": group, "tag": entry.comment[:64]}


def _entry(row: RowMapping, note: RowMapping | None) -> Entry | None:
    try:
        network = read_target(f"{row['ip_addr']}/{row['mask']}")
    except BadInput as error:
        _log.warning("a row of the table address is passed over: %s", error)
        return None
    allowed = row["grp"] == ALLOWED
    if note is None:
        return Entry(network, allowed, row["tag"] or "")
    since, until = _zoned(note["since"]), _zoned(note["until"])
    return Entry(network, allowed, note["comment"], since, until)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _zoned(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
