"""A Docker engine whose containers do what a test says: it stands in for a machine's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

from ringwall.runtime.engine import CommandFailed, Engine

Word = Literal["starting", "healthy", "unhealthy", "restarting", "exited", "created"]


@dataclass
class Box:
    """A container: what it will be at each look, and then for ever."""

    config_hash: str
    words: list[Word]
    restarts: int = 0

    def inspected(self, role: str) -> dict[str, Any]:
        word = self.words.pop(0) if len(self.words) > 1 else self.words[0]
        if word == "restarting":
            self.restarts += 1
        runs = word in {"starting", "healthy", "unhealthy"}
        return {
            "Name": f"/{role}",
            "Config": {
                "Image": f"ringwall/{role}:1",
                "Labels": {
                    "com.docker.compose.service": role,
                    "com.docker.compose.config-hash": self.config_hash,
                },
            },
            "State": {
                "Status": "running" if runs else word,
                "Health": {"Status": word if runs else "unhealthy"},
                "ExitCode": 0 if runs else 7,
                "StartedAt": "2026-11-23T01:02:03.123456789Z",
            },
            "RestartCount": self.restarts,
        }


@dataclass
class Fleet(Engine):
    """Keeps what it was asked in ``asked``; ``ways`` are the words of containers to come."""

    ways: dict[str, list[Word]] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    on_up: Callable[[], None] = lambda: None

    def inspect_all(self, kind: str, *options: str) -> list[dict[str, Any]]:
        assert kind == "container"
        assert "--all" in options
        return [box.inspected(role) for role, box in self.boxes.items()]

    def compose(
        self, file: Path, project: str, *args: str, stream: bool = False, timeout: float = 600
    ) -> str:
        del project, stream, timeout
        self.asked.append(args)
        wanted = _hashes(file.read_bytes())
        match args:
            case ("config", *_):
                return "".join(f"{role} {value}\n" for role, value in wanted.items())
            case ("up", "-d", *rest):
                self._up([role for role in rest if role in wanted], wanted, rest)
            case ("down", *_):
                self.boxes.clear()
            case ("restart", *roles):
                for role in roles:
                    self.boxes[role] = self._box(role, wanted)
        return ""

    def follow(
        self,
        command: Sequence[str],
        on_line: Callable[[str], None],
        env: Mapping[str, str] | None = None,
        timeout: float = 3600,
    ) -> None:
        del env, timeout
        if command[-1] not in self.boxes:
            raise CommandFailed("docker logs failed", "No such container")
        on_line(f"the last words of {command[-1]}")

    def exec(self, container: str, *argv: str, **_: Any) -> str:
        self.asked.append(("exec", container, *argv))
        return ""

    @property
    def started(self) -> list[tuple[str, ...]]:
        """The roles of each ``compose up``, in order."""
        return [
            tuple(word for word in args[2:] if not word.startswith("-"))
            for args in self.asked
            if args[0] == "up"
        ]

    def _up(self, roles: list[str], wanted: dict[str, str], options: list[str]) -> None:
        self.on_up()
        if "--remove-orphans" in options:
            self.boxes = {role: box for role, box in self.boxes.items() if role in wanted}
        for role in roles:
            box = self.boxes.get(role)
            if (
                box is None
                or box.config_hash != wanted[role]
                or box.words[0] in {"exited", "created"}
            ):
                self.boxes[role] = self._box(role, wanted)

    def _box(self, role: str, wanted: dict[str, str]) -> Box:
        return Box(wanted[role], list(self.ways.get(role, ["starting", "healthy"])))


@cache
def _hashes(text: bytes) -> dict[str, str]:
    services = YAML(typ="safe").load(text)["services"]
    return {
        role: hashlib.sha256(repr(service).encode()).hexdigest()
        for role, service in services.items()
    }
