"""Whether Kamailio's processes live on, and how much memory they hold."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringwall.checks.audit.case import Broken
from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringwall.runtime.engine import Engine

GROWTH = 0.01
"""As much may memory grow in the second half of a run."""
_REST_S, _BACK_S = 30.0, 60.0
_SHELL = "while read -r command; do kamcmd $command; echo .; done"
_END = ".\n"
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


class _Gone(Broken):
    """The container has ended."""

    def __init__(self) -> None:
        super().__init__("Kamailio's container has ended")


class Watch:
    """Watches one Kamailio, and that no other container is started anew.

    It asks through one shell in Kamailio's container, which ends when that does.
    """

    def __init__(self, engine: Engine, container: str, others: Sequence[str]) -> None:
        self._engine, self._container, self._others = engine, container, others
        self._shell = engine.attach(container, "sh", "-c", _SHELL)
        self._known = self._processes()
        self._started = self._starts()

    def close(self) -> None:
        """End the shell."""
        self._shell.kill()
        self._shell.communicate()

    def check(self) -> None:
        """Raise ``Broken`` where a process is not the one that it was."""
        try:
            found = self._processes()
        except _Gone:
            self._known = self._restarted()
            raise Broken("Kamailio has restarted") from None
        if found != self._known:
            self._known = found
            raise Broken("Kamailio has lost a process")

    def _restarted(self) -> tuple[str, ...]:
        """Wait until it is there again."""
        deadline = time.monotonic() + _BACK_S
        while True:
            self.close()
            self._shell = self._engine.attach(self._container, "sh", "-c", _SHELL)
            try:
                if found := self._processes():
                    return found
            except _Gone:
                pass
            if time.monotonic() > deadline:
                raise RingwallError(
                    f"Kamailio did not come back within {_BACK_S:g} s",
                    f"see `docker logs {self._container}`",
                )
            time.sleep(1)

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

    def _processes(self) -> tuple[str, ...]:
        return tuple(_PID.findall(self._ask("core.psx")))

    def _ask(self, command: str) -> str:
        """Ask with kamcmd; ``_Gone`` where nobody is there to ask."""
        lines: list[str] = []
        try:
            asked, told = self._shell.stdin, self._shell.stdout
            if asked is None or told is None:
                raise _Gone
            asked.write(f"{command}\n")
            asked.flush()
            while (line := told.readline()) != _END:
                if not line:
                    raise _Gone
                lines.append(line)
        except OSError:
            raise _Gone from None
        return "".join(lines)
