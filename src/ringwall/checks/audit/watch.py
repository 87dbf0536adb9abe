"""Whether Kamailio's processes live on, and how much memory they hold."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringwall.checks.audit.case import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringwall.runtime.engine import Engine

GROWTH = 0.01
"""As much may memory grow in the second half of a run."""
_REST_S = 30.0
_PID = re.compile(r"^\s*PID: (\d+)", re.MULTILINE)
_USED = re.compile(r"^\s*used: (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Memory:
    """Bytes that are in use, of Kamailio's own count: shared, and private of all processes."""

    shared: int
    private: int

    def growth(self, later: Memory) -> tuple[float, float]:
        """Return by which share of itself each has grown."""
        return later.shared / self.shared - 1, later.private / self.private - 1


class Watch:
    """Watches one Kamailio, and that no other container is started anew."""

    def __init__(self, engine: Engine, container: str, others: Sequence[str]) -> None:
        self._engine, self._container, self._others = engine, container, others
        self._known = self._processes()
        self._started = self._starts()

    def check(self) -> None:
        """Raise ``Broken`` where a process is not the one that it was."""
        found = self._processes()
        if found != self._known:
            before, self._known = self._known, found
            what = "restarted" if before[0] != found[0] else "lost a process"
            raise Broken(f"Kamailio has {what}")

    def restarted(self) -> list[str]:
        """Return the containers that are not the ones, or not started when, they were."""
        now = self._starts()
        return [name for name, started in self._started.items() if now[name] != started]

    def memory(self) -> Memory:
        """Wait until transactions and short-lived tables are gone, and return what is held."""
        deadline = time.monotonic() + _REST_S
        lowest, still = self._memory(), 0
        while still < 3 and time.monotonic() < deadline:
            time.sleep(1)
            now = self._memory()
            still = still + 1 if now.shared >= lowest.shared else 0
            lowest = now if now.shared < lowest.shared else lowest
        return lowest

    def _memory(self) -> Memory:
        shared = _USED.search(self._ask("core.shmmem"))
        private = _USED.findall(self._ask("pkg.stats"))
        return Memory(int(shared[1]) if shared else 0, sum(map(int, private)))

    def _starts(self) -> dict[str, str]:
        return {name: self._start(name) for name in (self._container, *self._others)}

    def _start(self, name: str) -> str:
        state = self._engine.container_state(name)
        return state.started_at if state else "gone"

    def _processes(self) -> tuple[str, tuple[str, ...]]:
        return self._start(self._container), tuple(_PID.findall(self._ask("core.psx")))

    def _ask(self, command: str) -> str:
        return self._engine.exec(self._container, "kamcmd", command)
