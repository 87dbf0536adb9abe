"""Starts the containers in the order in which they need one another: visibly, with a limit.

Compose could wait by itself, but silently, and for ever for a container that keeps crashing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ringwall.errors import RingwallError
from ringwall.render.containers import Container
from ringwall.runtime.engine import CommandFailed, Engine
from ringwall.runtime.health import State, states

LIMIT = 180.0
"""Seconds until what is not healthy has failed."""

_POLL = 0.5
_HEARTBEAT = 10.0
_CRASHES = 3
_UNHEALTHY = 25.0
"""A container is given this many seconds to recover: two of the slowest healthchecks."""
_LOG_LINES = 15

Say = Callable[[str], None]


@dataclass
class Start:
    """One start of an instance's containers."""

    engine: Engine
    file: Path
    project: str
    say: Say
    _began: float = field(default_factory=time.monotonic)
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)
    _restarts: dict[str, int] = field(default_factory=dict)
    _spoke: float = field(default_factory=time.monotonic)

    def run(self, containers: Sequence[Container]) -> tuple[str, ...]:
        """Start them and wait until all are healthy; return the PBX roles that are not.

        A PBX that does not start fails nothing: calls go to the others. Any other container
        raises ``RingwallError`` with the end of its log.
        """
        waiting = list(containers)
        failed: set[str] = set()
        while True:
            found = states(self.engine, self.project)
            ready = [one for one in waiting if self._may_start(one, waiting, found)]
            if ready:
                self._compose(ready, found, first=len(waiting) == len(containers))
                waiting = [one for one in waiting if one not in ready]
                continue
            started = [one for one in containers if one not in waiting]
            self._watch(started, found)
            failed |= {one.role for one in started if self._has_failed(one, found, failed)}
            left = [one.role for one in containers if not _is_up(one, found)]
            if not set(left) - failed:
                return tuple(left)
            self._remind(left)
            time.sleep(_POLL)

    def _may_start(
        self, one: Container, waiting: Sequence[Container], found: Mapping[str, State]
    ) -> bool:
        unstarted = {other.role for other in waiting}
        return all(
            role not in unstarted and role in found and found[role].healthy
            for role in one.waits_for
        )

    def _compose(self, ready: Sequence[Container], found: Mapping[str, State], first: bool) -> None:
        orphans = ["--remove-orphans"] if first else []
        roles = [one.role for one in ready]
        self.engine.compose(self.file, self.project, "up", "-d", *orphans, *roles)
        crashing = [role for role in roles if role in found and found[role].status == "restarting"]
        if crashing:
            # Docker tries those again after up to a minute; what stopped them may be mended now.
            self.engine.compose(self.file, self.project, "restart", *crashing)

    def _watch(self, started: Sequence[Container], found: Mapping[str, State]) -> None:
        """Say what has changed since the last look."""
        now = time.monotonic()
        for one in started:
            state = found.get(one.role)
            word = state.word if state else "gone"
            if state:
                self._restarts.setdefault(one.role, state.restarts)
            before = self._seen.get(one.role)
            if before is None or before[0] != word:
                self._seen[one.role] = (word, now)
                # Who is healthy at once was not touched.
                if before is not None or word != "healthy":
                    self._say(f"{one.role:14} {word:10} {now - self._began:4.0f} s")

    def _has_failed(self, one: Container, found: Mapping[str, State], failed: set[str]) -> bool:
        """Tell whether it has; raise unless calls can do without it."""
        state = found.get(one.role)
        reason = self._failure(one, state)
        if reason is None or one.role in failed:
            return False
        name = state.name if state else one.role
        message = f"{one.role} {reason}; the end of its log:\n{self._log(name)}"
        if one.component != "asterisk":
            raise RingwallError(message, f"`docker logs {name}` has more; then `ringwall up` again")
        self._say(message)
        return True

    def _failure(self, one: Container, state: State | None) -> str | None:
        if state is None:
            return "was removed while it started"
        if state.restarts - self._restarts[one.role] >= _CRASHES:
            return f"keeps ending (exit status {state.exit_code})"
        if state.status in {"exited", "dead", "paused"}:
            return f"is {state.status} (exit status {state.exit_code})"
        word, since = self._seen[one.role]
        if word == "unhealthy" and time.monotonic() - since > _UNHEALTHY:
            return "runs, and does not do its work"
        if not state.healthy and time.monotonic() - self._began > LIMIT:
            return f"was not ready within {LIMIT:.0f} s"
        return None

    def _log(self, name: str) -> str:
        lines: list[str] = []
        try:
            command = ["docker", "logs", "--tail", str(_LOG_LINES), name]
            self.engine.follow(command, lines.append, timeout=20)
        except CommandFailed as error:
            lines.append(str(error))
        return "\n".join(f"  {line}" for line in lines) or "  (it is empty)"

    def _remind(self, left: Sequence[str]) -> None:
        if time.monotonic() - self._spoke > _HEARTBEAT:
            self._say(f"still waiting for {', '.join(left)}")

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        self.say(line)


def _is_up(one: Container, found: Mapping[str, State]) -> bool:
    return one.role in found and found[one.role].healthy
