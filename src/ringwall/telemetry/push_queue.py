"""Which pushes may be sent now: in order for each user, users beside each other.

Nothing here waits, reads or writes; times are seconds of a monotonic clock.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Protocol

Address = tuple[str, str]
"""User and domain, in lower case."""


class Push(Protocol):
    """A row of the outbox; a greater ``id`` is a later event."""

    @property
    def id(self) -> int:
        """Number of the row."""

    @property
    def event_id(self) -> str:
        """What the receiver tells repeated deliveries by."""

    @property
    def address(self) -> Address:
        """Whose event it is."""

    @property
    def document(self) -> str:
        """JSON, as it is sent."""

    @property
    def attempts(self) -> int:
        """How often it was sent in vain."""

    @property
    def queued_at(self) -> datetime:
        """Since when it waits; UTC."""


@dataclass(slots=True)
class Lane:
    """The pushes of one user: those in memory, and whether the outbox has ``more``."""

    address: Address
    pushes: deque[Push] = field(default_factory=deque)
    more: bool = False
    busy: bool = False
    failed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """Pushes that are sent in one request; each lane is in one job at most."""

    pushes: tuple[Push, ...]
    lanes: tuple[Lane, ...]

    @property
    def addresses(self) -> frozenset[Address]:
        """The users whose events these are."""
        return frozenset(lane.address for lane in self.lanes)


class Queue:
    """The pushes in memory: at most ``window``, and a note for every user who waits.

    A user whose push failed leaves memory until it is tried again, so that a few of them with
    long queues leave room for everyone else.
    """

    def __init__(self, window: int, lanes: int = 20_000) -> None:
        self._window, self._most_lanes = window, lanes
        self._lanes: dict[Address, Lane] = {}
        self._size = 0
        self._ready: deque[Lane] = deque()
        self._hungry: dict[Address, Lane] = {}
        self._waiting: list[tuple[float, int, Lane]] = []
        self._turn = count()

    @property
    def size(self) -> int:
        """How many pushes are in memory, those on their way included."""
        return self._size

    @property
    def has_room(self) -> bool:
        """Whether another page may be offered."""
        return self._size < self._window and len(self._lanes) < self._most_lanes

    @property
    def is_ready(self) -> bool:
        """Whether ``take`` would return a job."""
        return bool(self._ready)

    def offer(self, page: Iterable[Push]) -> None:
        """Take pushes over, none of which was offered before, in the order of their ids."""
        for push in page:
            lane = self._lanes.get(push.address)
            if lane is None:
                lane = self._lanes[push.address] = Lane(push.address)
                self._ready.append(lane)
            elif lane.more:
                continue  # it stays in the outbox, behind those that are there already
            lane.pushes.append(push)
            self._size += 1

    def hungry(self, most: int) -> list[Address]:
        """Return users whose pushes have to be read from the outbox again."""
        return [address for address, _ in zip(self._hungry, range(most), strict=False)]

    def feed(self, address: Address, pushes: Sequence[Push], more: bool) -> None:
        """Give a hungry user the first pushes of its queue; none: it has no queue any more."""
        lane = self._hungry.pop(address)
        lane.more = more
        lane.pushes.extend(pushes)
        self._size += len(pushes)
        self._settle(lane)

    def take(self, most: int) -> Job | None:
        """Return up to ``most`` pushes for one request. One that failed before goes alone."""
        pushes: list[Push] = []
        lanes: list[Lane] = []
        while self._ready and len(pushes) < most:
            if pushes and self._ready[0].pushes[0].attempts:
                break
            lane = self._ready.popleft()
            lane.busy = True
            lanes.append(lane)
            pushes.extend(_first(lane, most - len(pushes)))
            if pushes[0].attempts:
                break
        return Job(tuple(pushes), tuple(lanes)) if pushes else None

    def sent(self, job: Job) -> None:
        """Note that a job's pushes were delivered, or are given up."""
        done = {push.id for push in job.pushes}
        for lane in job.lanes:
            while lane.pushes and lane.pushes[0].id in done:
                lane.pushes.popleft()
                self._size -= 1
            lane.busy = False
            self._settle(lane)

    def failed(self, job: Job, now: float, until: float) -> None:
        """Note that a job's pushes were not delivered; they are tried again at ``until``."""
        for lane in job.lanes:
            self._size -= len(lane.pushes)
            lane.pushes.clear()
            lane.busy, lane.more, lane.failed_at = False, True, now
            heapq.heappush(self._waiting, (until, next(self._turn), lane))

    def wake(self, now: float) -> float | None:
        """Let users whose time has come go on; return when the next one's will come."""
        while self._waiting and self._waiting[0][0] <= now:
            self._starve(heapq.heappop(self._waiting)[2])
        return self._waiting[0][0] if self._waiting else None

    def wake_one(self) -> None:
        """Let the user go on whose turn is next, when nobody else can."""
        if self._waiting and not self._ready and not self._hungry:
            self._starve(heapq.heappop(self._waiting)[2])

    def wake_since(self, moment: float) -> None:
        """Let all users go on who failed at ``moment`` or later."""
        late = [entry for entry in self._waiting if entry[2].failed_at >= moment]
        self._waiting = [entry for entry in self._waiting if entry[2].failed_at < moment]
        heapq.heapify(self._waiting)
        for _, _, lane in sorted(late, key=lambda entry: entry[:2]):
            self._starve(lane)

    def _settle(self, lane: Lane) -> None:
        if lane.pushes:
            self._ready.append(lane)
        elif lane.more:
            self._starve(lane)
        else:
            del self._lanes[lane.address]

    def _starve(self, lane: Lane) -> None:
        self._hungry[lane.address] = lane


def _first(lane: Lane, most: int) -> Iterator[Push]:
    """Return the lane's first pushes; one that failed before ends the row."""
    for number, push in zip(range(most), lane.pushes, strict=False):
        if number and push.attempts:
            return
        yield push
        if push.attempts:
            return
