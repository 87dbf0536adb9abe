from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.runtime.fleet import Box, Fleet, Word

from ringwall.runtime.health import State, states, uptime


def one(word: Word) -> State:
    return states(Fleet(boxes={"mariadb": Box("hash", [word])}), "ringwall")["mariadb"]


def test_a_container_is_read_as_docker_shows_it() -> None:
    assert one("healthy") == State(
        role="mariadb",
        name="mariadb",
        image="ringwall/mariadb:1",
        status="running",
        health="healthy",
        exit_code=0,
        restarts=0,
        started_at=datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC),
        config_hash="hash",
    )


@pytest.mark.parametrize(
    ("word", "healthy"),
    [("healthy", True), ("starting", False), ("unhealthy", False), ("exited", False)],
)
def test_the_word_for_it(word: Word, healthy: bool) -> None:
    assert one(word).word == word
    assert one(word).healthy is healthy


def test_uptime() -> None:
    running, exited = one("healthy"), one("exited")
    assert running.started_at
    assert uptime(running, running.started_at + timedelta(seconds=90)) == 90.0
    assert uptime(exited, datetime.now(UTC)) is None
