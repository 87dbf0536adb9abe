"""A worker on an outbox without SQL, and what tests of it share."""

from __future__ import annotations

from asyncio import StreamWriter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.unit.telemetry.outbox import FakeOutbox, Row, row
from tests.unit.telemetry.receiver import (
    OK,
    Behaviour,
    Receiver,
    Request,
)

from ringwall.telemetry.push_client import Target
from ringwall.telemetry.push_courier import Rules
from ringwall.telemetry.registrations import Registrations

SECRET = "a-secret-of-43-characters-as-it-is-in-files"


@contextmanager
def worker(
    outbox: FakeOutbox,
    url: str,
    rules: Rules | None = None,
    timeout: float = 0.5,
    ca: str | None = None,
) -> Iterator[Registrations]:
    rules = rules or Rules()
    target = Target(url, SECRET, timeout, rules.batch > 1, ca)
    made = Registrations(outbox, target, rules)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def users(number: int, events: int = 1) -> list[Row]:
    return [row(i + 1, f"u{i % number}") for i in range(number * events)]


def first_then(first: Behaviour, then: Behaviour = OK, times: int = 1) -> Behaviour:
    """Behave in one way ``times`` times, and in another from then on."""
    seen: list[Request] = []

    async def behave(request: Request, writer: StreamWriter) -> None:
        seen.append(request)
        await (first if len(seen) <= times else then)(request, writer)

    return behave


def in_order(receiver: Receiver) -> None:
    last: dict[str, int] = {}
    for document in receiver.documents():
        assert document["number"] > last.get(document["user"], 0)
        last[document["user"]] = document["number"]
