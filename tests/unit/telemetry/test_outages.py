"""The worker while the application, the database or Ringwall itself is away."""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio import StreamWriter
from itertools import pairwise

import pytest
from tests.unit.telemetry.outbox import FakeOutbox, row
from tests.unit.telemetry.pushing import first_then, in_order, users, worker
from tests.unit.telemetry.receiver import (
    OK,
    Receiver,
    Request,
    hangs,
    status,
    until,
)

from ringwall.telemetry import push_courier, push_gate
from ringwall.telemetry.push_courier import Rules
from ringwall.telemetry.registrations import Registrations

pytestmark = pytest.mark.usefixtures("quick")


def is_away(worker: Registrations) -> bool:
    return worker.counters.away_since is not None


def test_down_for_a_while_and_all_arrive_in_order_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox = FakeOutbox()
    receiver = Receiver()
    receiver.close()
    with caplog.at_level(logging.INFO), worker(outbox, receiver.url, timeout=5) as it:
        outbox.add(*users(20, events=10))
        until(lambda: it.counters.failures >= 3)
        assert is_away(it)
        # One at a time, and those that were not tried do not age.
        assert sum(each.attempts for each in outbox.rows.values()) <= 20
        receiver.open()
        with receiver:
            until(lambda: outbox.count("sent") == 200)
            assert not is_away(it)
    in_order(receiver)
    assert len({request.headers["idempotency-key"] for request in receiver.requests}) == 200
    assert len(receiver.requests) == 200
    assert "is away: no connection: Connection refused" in caplog.text
    assert "answers again" in caplog.text


def test_an_application_that_hangs_for_all_meets_one_request_at_a_time() -> None:
    outbox = FakeOutbox(users(50))
    with Receiver(hangs) as receiver, worker(outbox, receiver.url, timeout=0.3) as it:
        until(lambda: it.counters.away_since is not None)
        until(lambda: it.counters.failures > 16)
        before = len(receiver.requests)
        until(lambda: len(receiver.requests) >= before + 3)
        late = receiver.requests[before - 1 :]
        gaps = [two.at - one.at for one, two in pairwise(late)]
        assert min(gaps) > 0.15
        receiver.behave = OK
        until(lambda: outbox.count("sent") == 50)


def test_an_event_that_the_application_cannot_stand_holds_up_its_user_alone() -> None:
    async def picky(request: Request, writer: StreamWriter) -> None:
        bad = request.document["user"] == "u0"
        await (status("500 Oops") if bad else OK)(request, writer)

    outbox = FakeOutbox(users(10, events=20))
    with Receiver(picky) as receiver, worker(outbox, receiver.url) as it:
        until(lambda: outbox.count("sent") == 180)
        assert it.counters.away_since is None
        mine = {request.document["number"] for request in receiver.requests} & {1, 11, 21}
        assert mine == {1}  # the later ones wait behind it
        receiver.behave = OK
        until(lambda: outbox.count("sent") == 200)
    assert [d["number"] for d in receiver.documents() if d["user"] == "u0"][-20:] == [
        1 + 10 * i for i in range(20)
    ]


def test_too_old_is_parked_and_the_next_one_goes_on() -> None:
    async def picky(request: Request, writer: StreamWriter) -> None:
        await (status("400 No") if request.document["number"] == 1 else OK)(request, writer)

    outbox = FakeOutbox([row(1, age=100), row(2), row(3)])
    rules = Rules(give_up_after=50)
    with Receiver(picky) as receiver, worker(outbox, receiver.url, rules) as it:
        until(lambda: outbox.states() == {1: "parked", 2: "sent", 3: "sent"})
        assert it.counters.parked == 1
    assert outbox.rows[1].error == "answers 400"
    assert outbox.rows[1].attempts == 1


def test_while_the_application_is_away_the_old_are_parked_untried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(push_courier, "_SURELY_AWAY_SECONDS", 0.3)
    receiver = Receiver()
    receiver.close()
    rows = [*(row(i, f"u{i}", age=100) for i in range(1, 301)), row(301, "young")]
    outbox = FakeOutbox(rows)
    with worker(outbox, receiver.url, Rules(give_up_after=50)):
        until(lambda: outbox.count("parked") == 300)
        assert outbox.states()[301] == "pending"
    assert outbox.rows[300].error.startswith("no connection: ")


def test_a_full_outbox_parks_the_oldest() -> None:
    outbox = FakeOutbox([row(i, f"u{i}") for i in range(1, 501)])
    receiver = Receiver()
    receiver.close()
    with worker(outbox, receiver.url, Rules(max_pending=200)):
        until(lambda: outbox.count("parked") == 300)
        assert {n for n, state in outbox.states().items() if state == "parked"} == set(
            range(1, 301)
        )
    assert outbox.rows[300].error == "the outbox was full"


def test_retry_after_is_obeyed_up_to_the_longest_step() -> None:
    assert push_gate.retry_delay(1, 0.3) == 0.3
    assert push_gate.retry_delay(1, 1e9) == 0.4
    outbox = FakeOutbox([row(1)])
    busy = status("503 Busy", "Retry-After: 1")
    with Receiver(first_then(busy)) as receiver, worker(outbox, receiver.url):
        until(lambda: outbox.states() == {1: "sent"})
    first, second = receiver.requests
    assert second.at - first.at > 0.35


def test_the_steps_double_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_gate, "_FIRST_RETRY", 1.0)
    monkeypatch.setattr(push_gate, "_LONGEST_RETRY", 900.0)
    for attempts in (1, 2, 3, 8, 11, 1000):
        step = min(2 ** (attempts - 1), 900)
        delays = {push_gate.retry_delay(attempts) for _ in range(20)}
        assert all(step / 2 <= delay <= step for delay in delays)
        assert len(delays) > 1


def test_a_restart_sends_again_what_was_not_noted() -> None:
    outbox = FakeOutbox([row(1), row(2)])
    with Receiver() as receiver:
        with worker(outbox, receiver.url):
            until(lambda: outbox.count("sent") == 2)
        outbox.add(row(2))  # as if the note of its delivery had been lost
        with worker(outbox, receiver.url):
            until(lambda: outbox.count("sent") == 2 and len(receiver.requests) == 3)
    assert (
        receiver.requests[1].headers["idempotency-key"]
        == (receiver.requests[2].headers["idempotency-key"])
    )


def test_stop_waits_for_the_answer_and_notes_it() -> None:
    async def slow(request: Request, writer: StreamWriter) -> None:
        await asyncio.sleep(0.3)
        await OK(request, writer)

    outbox = FakeOutbox(users(40))
    with Receiver(slow) as receiver:
        with worker(outbox, receiver.url, timeout=2.0):
            until(lambda: receiver.requests)
        assert outbox.count("sent") == len(receiver.requests) < 40


def test_a_database_that_is_away_loses_nothing_and_repeats_nothing() -> None:
    outbox = FakeOutbox(users(5, events=4))
    with Receiver() as receiver, worker(outbox, receiver.url):
        until(lambda: receiver.requests)
        outbox.away = True
        pause = time.monotonic() + 0.4
        until(lambda: time.monotonic() > pause)
        outbox.away = False
        until(lambda: outbox.count("sent") == 20)
    assert len(receiver.requests) == 20


def test_rows_that_came_in_late_and_rows_that_are_retried_are_seen() -> None:
    outbox = FakeOutbox([row(10)])
    with Receiver() as receiver, worker(outbox, receiver.url) as it:
        until(lambda: outbox.count("sent") == 1)
        outbox.add(row(5))  # its transaction took longer
        until(lambda: outbox.count("sent") == 2)
        receiver.behave = status("500 Oops")
        outbox.add(row(11))
        until(lambda: outbox.rows[11].attempts >= 2)
        receiver.behave = OK
        it.retry()
        until(lambda: outbox.count("sent") == 3)


def test_a_huge_backlog_stays_in_the_outbox() -> None:
    outbox = FakeOutbox(users(300, events=100))
    sizes: list[int] = []
    with Receiver() as receiver:
        receiver.behave = hangs
        with worker(outbox, receiver.url, timeout=0.2) as it:
            until(lambda: it.counters.failures > 20)
            sizes.append(it._courier._queue.size)
            assert len(it._courier._queue._lanes) <= push_courier.WINDOW + push_courier.PAGE
    assert max(sizes) <= push_courier.WINDOW + push_courier.PAGE
