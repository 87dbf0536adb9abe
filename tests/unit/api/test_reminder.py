from __future__ import annotations

from threading import Event

from ringwall.api.reminder import remind
from ringwall.errors import RingwallError


class Stop(Event):
    """Counts the waits and ends them after some."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.delays: list[float] = []
        self._rounds = rounds

    def wait(self, timeout: float | None = None) -> bool:
        self.delays.append(timeout or 0)
        return len(self.delays) > self._rounds


def test_it_asks_again_rarer_and_rarer_until_it_succeeds() -> None:
    outcomes = iter([False, None, False, True, True])

    def catch_up() -> bool:
        outcome = next(outcomes)
        if outcome is None:
            raise RingwallError("another change is still running")
        return outcome

    stop = Stop(5)
    remind(catch_up, stop, first=3, longest=10)
    assert stop.delays == [3, 6, 10, 10, 3, 3]
