"""Carries pushes from the outbox to the external API, and notes there what became of each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

from ringwall.errors import RingwallError
from ringwall.telemetry.push_client import Outcome
from ringwall.telemetry.push_gate import Gate, retry_delay
from ringwall.telemetry.push_queue import Address, Job, Push, Queue

WINDOW = 1000
"""Pushes in memory, whatever the outbox holds; one page may come on top."""
PAGE = 500
_LANE_PAGE = 50
_POLL_SECONDS = 0.5
# What was delivered meanwhile is written to the outbox in one statement.
_ROUND_SECONDS = 0.05
_SWEEP_SECONDS, _CARE_SECONDS = 30.0, 30.0
_PAUSE_SECONDS = 1.0
_STOP_SECONDS = 4.0
# So long the API must have been away before pushes are given up that were not tried themselves.
_SURELY_AWAY_SECONDS = 15 * 60.0
_FULL = "the outbox was full"

_log = logging.getLogger(__name__)
_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")
Send = Callable[[Sequence[Push]], Coroutine[Any, Any, Outcome]]
"""Sends pushes in one request."""


class Outbox(Protocol):
    """The table that pushes wait in. Every method may raise ``RingwallError``."""

    def waiting(self, after: int, most: int) -> Sequence[Push]:
        """Return pending pushes with greater ids, in the order of their ids."""

    def waiting_of(self, address: Address, upto: int, most: int) -> Sequence[Push]:
        """Return a user's first pending pushes with ids up to ``upto``, in that order."""

    def sent(self, ids: Sequence[int], at: datetime) -> None:
        """Note that they were delivered."""

    def failed(self, ids: Sequence[int], error: str, next_attempt_at: datetime) -> None:
        """Note one attempt more; they stay pending."""

    def parked(self, ids: Sequence[int], error: str) -> None:
        """Note one attempt more, the last."""

    def park_old(self, before: datetime, error: str) -> int:
        """Park some of those that have waited since ``before``; return how many."""

    def park_excess(self, keep: int, error: str) -> int:
        """Park some of the oldest beyond ``keep``; return how many."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How much goes out at once, and when pushes are given up (seconds; number that waits)."""

    parallel: int = 16
    batch: int = 1
    give_up_after: float = 86_400.0
    max_pending: int = 1_000_000


@dataclass(slots=True)
class Counters:
    """What happened since the start, for metrics; ``away_since`` is in Unix seconds."""

    sent: int = 0
    failures: int = 0
    parked: int = 0
    away_since: float | None = None
    last_error: str | None = None


class Courier:
    """One event loop's work. ``desk`` runs what waits for the database: one at a time."""

    def __init__(self, outbox: Outbox, send: Send, rules: Rules, desk: Executor) -> None:
        self._outbox, self._send, self._rules, self._desk = outbox, send, rules, desk
        self.counters = Counters()
        self._woken = asyncio.Event()
        self._stopping = self._again = False
        self._running: set[asyncio.Task[None]] = set()
        self._sent: list[int] = []
        self._notes: deque[Callable[[], None]] = deque()
        self._next_care = 0.0
        self._begin()

    def wake(self) -> None:
        """Look into the outbox now."""
        self._woken.set()

    def retry(self) -> None:
        """Try everything that waits, whatever failed before."""
        self._again = True
        self._woken.set()

    def stop(self) -> None:
        """Send nothing new; ``run`` ends when what is on its way has been noted."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Work until ``stop``."""
        while not self._stopping:
            start = time.monotonic()
            try:
                await self._round()
            except RingwallError as error:
                _log.warning("the outbox of registrations does not answer: %s", error)
                start += _PAUSE_SECONDS
            except Exception:  # noqa: BLE001 - the next event must not suffer from a fault of ours
                _log.exception("the outbox of registrations is read again")
                self._again = True
                start += _PAUSE_SECONDS
            await self._doze(start + _ROUND_SECONDS)
        await self._finish()

    async def _round(self) -> None:
        # Only those who are hungry before everything is written down: later ones would find
        # what was just sent for them.
        hungry = self._hungry()
        await self._write_down()
        if self._again:
            if not self._running:
                self._begin()
            return
        await self._read(hungry)
        self._launch()
        await self._care()

    def _begin(self) -> None:
        """Forget what is in memory; the outbox has it all."""
        self._queue, self._gate = Queue(WINDOW), Gate()
        self._read_to, self._caught_up = 0, False
        self._next_sweep = time.monotonic() + _SWEEP_SECONDS
        self._again = False

    def _hungry(self) -> list[Address]:
        now, probe = time.monotonic(), self._gate.next_probe
        self._queue.wake(now)
        if probe is not None and now >= probe and not self._running:
            self._queue.wake_one()
        return self._queue.hungry(_LANE_PAGE)

    async def _read(self, hungry: Sequence[Address]) -> None:
        if not self._queue.has_room:
            return
        for address in hungry:
            pushes = await self._ask(
                self._outbox.waiting_of, address, self._read_to, _LANE_PAGE
            )  # fmt: skip
            self._queue.feed(address, pushes, len(pushes) == _LANE_PAGE)
        self._sweep()
        page = await self._ask(self._outbox.waiting, self._read_to, PAGE)
        self._caught_up = len(page) < PAGE
        if page:
            self._read_to = page[-1].id
            self._queue.offer(page)

    def _sweep(self) -> None:
        """Now and then, when nothing is in memory, begin at the outbox's first row again.

        A row whose transaction took long may have come in behind those that were read.
        """
        idle = not (self._queue.size or self._running or self._sent or self._notes)
        if idle and time.monotonic() >= self._next_sweep:
            self._read_to = 0
            self._next_sweep = time.monotonic() + _SWEEP_SECONDS

    def _launch(self) -> None:
        while self._may_send():
            job = self._queue.take(self._rules.batch)
            if job is None:
                return
            self._running.add(asyncio.create_task(self._deliver(job)))

    def _may_send(self) -> bool:
        if self._stopping or self._again or len(self._running) >= self._rules.parallel:
            return False
        probe = self._gate.next_probe
        return probe is None or (not self._running and time.monotonic() >= probe)

    async def _deliver(self, job: Job) -> None:
        try:
            outcome = await self._send(job.pushes)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop this user for ever
            _log.exception("a push was not sent")
            outcome = Outcome(f"internal error ({type(error).__name__})")
        task = asyncio.current_task()
        if task:
            self._running.discard(task)
        if outcome.error is None:
            self._passed(job)
        else:
            self._failed(job, outcome, outcome.error)
        self._launch()
        self._woken.set()

    def _passed(self, job: Job) -> None:
        self._reopened(self._gate.passed())
        self._queue.sent(job)
        self._sent.extend(push.id for push in job.pushes)
        self.counters.sent += len(job.pushes)

    def _failed(self, job: Job, outcome: Outcome, error: str) -> None:
        now, attempts = time.monotonic(), job.pushes[0].attempts + 1
        delay = retry_delay(attempts, outcome.retry_after)
        self._count(error)
        self._reopened(self._gate.failed(job.addresses, outcome.reached, now))
        self._note_failure(job, error, delay)
        self._queue.failed(job, now, now + delay)
        if self._gate.closed_since is not None and self.counters.away_since is None:
            self.counters.away_since = time.time()
            _log.warning("the API that is told of registrations is away: %s", error)

    def _note_failure(self, job: Job, error: str, delay: float) -> None:
        now = datetime.now(UTC)
        limit = now - timedelta(seconds=self._rules.give_up_after)
        old = [push.id for push in job.pushes if push.queued_at <= limit]
        young = [push.id for push in job.pushes if push.queued_at > limit]
        if old:
            self._notes.append(partial(self._outbox.parked, old, error))
            self._parked(len(old), error)
        if young:
            then = now + timedelta(seconds=delay)
            self._notes.append(partial(self._outbox.failed, young, error, then))

    def _count(self, error: str) -> None:
        self.counters.failures += 1
        self.counters.last_error = error

    def _parked(self, number: int, error: str) -> None:
        self.counters.parked += number
        _log.warning("%d events of registrations are parked: %s", number, error)

    def _reopened(self, failing_since: float | None) -> None:
        if failing_since is not None:
            self._queue.wake_since(failing_since)
            self.counters.away_since = None
            _log.info("the API that is told of registrations answers again")

    async def _write_down(self) -> None:
        while self._notes:
            await self._ask(self._notes[0])
            self._notes.popleft()
        while self._sent:
            ids = self._sent[:PAGE]
            await self._ask(self._outbox.sent, ids, datetime.now(UTC))
            del self._sent[: len(ids)]

    async def _care(self) -> None:
        now, rules = time.monotonic(), self._rules
        if now < self._next_care:
            return
        excess = await self._ask(self._outbox.park_excess, rules.max_pending, _FULL)
        if excess:
            self._parked(excess, _FULL)
        old = await self._park_old(now)
        # They are parked in small steps.
        self._next_care = now if excess or old else now + _CARE_SECONDS

    async def _park_old(self, now: float) -> int:
        since, rules = self._gate.closed_since, self._rules
        if since is None or now - since < min(rules.give_up_after, _SURELY_AWAY_SECONDS):
            return 0
        error = self.counters.last_error or "the API is away"
        before = datetime.now(UTC) - timedelta(seconds=rules.give_up_after)
        old = await self._ask(self._outbox.park_old, before, error)
        if old:
            self._parked(old, error)
        return old

    async def _doze(self, earliest: float) -> None:
        """Return when there is something to do, but not before ``earliest``."""
        now = time.monotonic()
        moments = [now + _POLL_SECONDS, self._queue.wake(now), self._gate.next_probe]
        if not self._caught_up and self._queue.has_room:
            moments.append(now)
        until = max(min(moment for moment in moments if moment is not None), earliest)
        with suppress(TimeoutError):
            async with asyncio.timeout(until - now):
                await self._woken.wait()
        if not self._stopping:
            await asyncio.sleep(max(0.0, earliest - time.monotonic()))
        self._woken.clear()

    async def _finish(self) -> None:
        """Give the requests that are on their way some seconds, and note what became of them."""
        try:
            await self._write_down()
            if self._running:
                await asyncio.wait(self._running, timeout=_STOP_SECONDS)
            await self._write_down()
        except RingwallError as error:
            _log.warning("some pushes will be sent again: %s", error)

    async def _ask(
        self,
        question: Callable[_Parameters, _Answer],
        *args: _Parameters.args,
        **kwargs: _Parameters.kwargs,
    ) -> _Answer:
        call = partial(question, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._desk, call)
