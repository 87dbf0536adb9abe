"""How the containers of an instance are, as Docker sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ringwall.runtime.engine import Engine

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_CONFIG_HASH = "com.docker.compose.config-hash"


@dataclass(frozen=True, slots=True)
class State:
    """One container."""

    role: str
    name: str
    image: str
    status: str
    """Docker's word: created, running, paused, restarting, removing, exited or dead."""
    health: str | None
    """starting, healthy or unhealthy; None where nothing checks it."""
    exit_code: int
    restarts: int
    started_at: datetime | None
    config_hash: str
    """What Compose compares to tell whether the container must be made anew."""

    @property
    def healthy(self) -> bool:
        """Whether it runs and its healthcheck, if any, succeeds."""
        return self.status == "running" and self.health in {None, "healthy"}

    @property
    def word(self) -> str:
        """Its state in one word: the health of what runs, else Docker's word."""
        return self.health or "running" if self.status == "running" else self.status


def states(engine: Engine, project: str) -> dict[str, State]:
    """Return the containers of a Compose project by their role, stopped ones included."""
    ours = engine.inspect_all("container", "--all", "--filter", f"label={_PROJECT}={project}")
    return {state.role: state for state in map(_state, ours)}


def uptime(state: State, now: datetime) -> float | None:
    """Return for how many seconds it has run; None when it does not run."""
    if state.status != "running" or state.started_at is None:
        return None
    return max(0.0, (now - state.started_at).total_seconds())


def _state(found: dict[str, Any]) -> State:
    state, labels = found["State"], found["Config"]["Labels"]
    return State(
        role=labels[_SERVICE],
        name=found["Name"].lstrip("/"),
        image=found["Config"]["Image"],
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status"),
        exit_code=state["ExitCode"],
        restarts=found["RestartCount"],
        started_at=_moment(state["StartedAt"]),
        config_hash=labels.get(_CONFIG_HASH, ""),
    )


def _moment(text: str) -> datetime | None:
    """Read Docker's time: nanoseconds, and year 1 for never."""
    if text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
