"""The list in Kamailio's table and in Ringwall's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, create_engine, insert, select
from sqlalchemy.pool import StaticPool

from ringwall.store import tables
from ringwall.store.block_book import Entry, read_target
from ringwall.store.blocks import ALLOWED, BLOCKED, StoredBlocks
from ringwall.store.database import Database

NOW = datetime(2030, 5, 17, tzinfo=UTC)


class Small(Database):
    """The same statements, in SQLite."""

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        tables.metadata.create_all(self.engine)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            yield connection


@pytest.fixture
def small() -> Iterator[Small]:
    database = Small()
    yield database
    database.engine.dispose()


def test_entries_are_kept_as_they_are(small: Small) -> None:
    stored = StoredBlocks(small, lambda: NOW)
    entries = [
        Entry(read_target("198.51.100.0/24"), False, "scans", NOW, NOW + timedelta(days=1)),
        Entry(read_target("2001:db8::7"), True, "", NOW),
    ]
    stored.change(entries, [], {})
    assert stored.read() == entries
    stored.change([entries[1]], [entries[0].network], {})
    assert stored.read() == entries[1:]


def test_kamailio_s_own_tools_see_the_list(small: Small) -> None:
    long = "why " * 60
    StoredBlocks(small).change([Entry(read_target("198.51.100.7"), False, long, NOW)], [], {})
    with small.begin() as connection:
        row = connection.execute(select(tables.address)).mappings().one()
    assert (row["grp"], row["ip_addr"], row["mask"]) == (BLOCKED, "198.51.100.7", 32)
    assert row["tag"] == long[:64]


def test_what_other_tools_write_is_read(small: Small, caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        {"grp": BLOCKED, "ip_addr": "192.0.2.1", "mask": 32, "tag": None},
        {"grp": ALLOWED, "ip_addr": "192.0.2.0", "mask": 24, "tag": "office"},
        {"grp": BLOCKED, "ip_addr": "192.0.2.0", "mask": 4, "tag": ""},
        {"grp": 1, "ip_addr": "192.0.2.9", "mask": 32, "tag": "somebody's trunk"},
    ]
    with small.begin() as connection:
        connection.execute(insert(tables.address), rows)
    read = {entry.target: (entry.allowed, entry.comment) for entry in StoredBlocks(small).read()}
    assert read == {"192.0.2.1": (False, ""), "192.0.2.0/24": (True, "office")}
    assert "192.0.2.0/4" in caplog.text
