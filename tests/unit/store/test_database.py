from __future__ import annotations

import logging
import socket
import time

import pytest

from ringwall.store import schema
from ringwall.store.database import Database, DatabaseAway

PASSWORD = "p4ssword-of-control"


def test_a_database_that_hangs_is_away_within_three_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        database = Database("127.0.0.1", PASSWORD, server.getsockname()[1])
        start = time.monotonic()
        with pytest.raises(DatabaseAway, match=r"MariaDB at 127\.0\.0\.1"), database.begin():
            pass
        assert time.monotonic() - start < 3
        database.close()


def test_a_database_that_is_down_is_away_and_no_password_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    database = Database("127.0.0.1", PASSWORD, port)
    with pytest.raises(DatabaseAway) as caught:
        database.ping()
    assert "refused" in str(caught.value)
    assert "docker" in (caught.value.remedy or "")
    assert PASSWORD not in str(caught.value)


class Slow(Database):
    """A database that comes up at the third attempt."""

    def __init__(self) -> None:
        self.attempts = 0

    def ping(self) -> None:
        self.attempts += 1
        if self.attempts < 3:
            raise DatabaseAway("MariaDB at 10.5.0.3:3306: refused")


def test_waiting_is_visible(caplog: pytest.LogCaptureFixture) -> None:
    database = Slow()
    with caplog.at_level(logging.WARNING):
        schema.wait(database, seconds=0.001)
    assert database.attempts == 3
    assert (
        caplog.messages
        == [
            "waiting for the database: MariaDB at 10.5.0.3:3306: refused",
        ]
        * 2
    )
