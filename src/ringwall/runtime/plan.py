"""What bringing the system up would do to its containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from ringwall.runtime.engine import Engine
from ringwall.runtime.health import State

_STOPPED = frozenset({"created", "exited", "dead", "paused", "restarting"})


@dataclass(frozen=True, slots=True)
class Plan:
    """Roles of containers, by what happens to them."""

    make: tuple[str, ...]
    make_anew: tuple[str, ...]
    start: tuple[str, ...]
    remove: tuple[str, ...]

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def wanted(engine: Engine, file: Path, project: str) -> dict[str, str]:
    """Ask Compose for each service's hash: a container that has another is made anew."""
    lines = engine.compose(file, project, "config", "--hash", "*").splitlines()
    return dict(line.split() for line in lines if line.strip())


def plan(wanted: Mapping[str, str], found: Mapping[str, State]) -> Plan:
    """Compare what should run with what there is."""
    both = [role for role in wanted if role in found]
    same = [role for role in both if found[role].config_hash == wanted[role]]
    return Plan(
        make=tuple(role for role in wanted if role not in found),
        make_anew=tuple(role for role in both if role not in same),
        start=tuple(role for role in same if found[role].status in _STOPPED),
        remove=tuple(role for role in found if role not in wanted),
    )
