"""Whether the external API takes pushes at all. Times are seconds of a monotonic clock."""

from __future__ import annotations

import random

from ringwall.telemetry.push_queue import Address

_FIRST_STEP, _LONGEST_STEP = 1.0, 30.0
_USERS = 4
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 15 * 60.0


class Gate:
    """Closes when the API is away, so that it meets one request at a time until it is back.

    It is away when no connection can be made, or when the pushes of ``_USERS`` users failed
    and nobody's arrived in between: one user's push that the API cannot stand stops that user
    alone.
    """

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Forget all failures."""
        self._failing: set[Address] = set()
        self._failing_since = 0.0
        self._unreachable = False
        self._step = _FIRST_STEP
        self._next_probe = 0.0
        self._closed_since: float | None = None

    @property
    def closed_since(self) -> float | None:
        """Since when it is closed; None while it is open."""
        return self._closed_since

    @property
    def next_probe(self) -> float | None:
        """When the next request may be sent; None while the gate is open."""
        return None if self._closed_since is None else self._next_probe

    def passed(self) -> float | None:
        """Note a delivery. When the gate was closed, return since when pushes had failed."""
        since = None if self._closed_since is None else self._failing_since
        self.open()
        return since

    def failed(self, users: frozenset[Address], reached: bool, now: float) -> float | None:
        """Note a failure; ``reached`` tells whether there was a connection at all.

        When there is one again, return since when there was none.
        """
        if reached and self._unreachable:
            since = self._failing_since
            self.open()
            self._note(users, now)
            return since
        self._note(users, now)
        self._unreachable = self._unreachable or not reached
        if not reached or len(self._failing) >= _USERS:
            self._close(now)
        return None

    def _note(self, users: frozenset[Address], now: float) -> None:
        if not self._failing:
            self._failing_since = now
        if len(self._failing) < _USERS:
            self._failing |= users

    def _close(self, now: float) -> None:
        if self._closed_since is None:
            self._closed_since = now
        elif now < self._next_probe:
            return  # a request that was on its way when the gate closed
        self._next_probe = now + _jittered(self._step)
        self._step = min(self._step * 2, _LONGEST_STEP)


def retry_delay(attempts: int, asked: float | None = None) -> float:
    """Return the seconds until a push is tried again that failed ``attempts`` times.

    Doubles from one second to 15 minutes, with jitter; ``asked`` is the API's Retry-After.
    """
    step = min(_FIRST_RETRY * 2 ** min(attempts - 1, 20), _LONGEST_RETRY)
    return max(_jittered(step), min(asked or 0.0, _LONGEST_RETRY))


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - nobody gains by guessing it
