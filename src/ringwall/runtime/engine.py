"""Docker and Compose: the one place that calls them.

>>> engine = Engine()
>>> engine.docker("image", "ls", "-q")                       # what it printed; RingwallError else
>>> engine.compose(rendered / "docker-compose.yml", "ringwall", "up", "-d", stream=True)
>>> engine.container_state("kamailio_sbc")                   # None where there is no such container
>>> engine.exec("kamailio_sbc", "kamcmd", "core.uptime")
>>> engine.run("ringwall/tools:0123456789ab", "sipsak", "-V", options=["--network", "edge_net"])
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from shutil import which
from typing import TYPE_CHECKING, Any, Literal

from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

START_REMEDY = "`ringwall up` from a clone installs and starts it; else: systemctl start docker"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NO_ENGINE = re.compile(
    r"cannot connect to the docker daemon|is the docker daemon running|permission denied while "
    r"trying to connect|error while fetching server api version",
    re.IGNORECASE,
)
_NOT_FOUND = re.compile(r"no such|not found", re.IGNORECASE)
_TAIL_LINES = 20


class CommandFailed(RingwallError):
    """A program that Ringwall started failed; ``output`` is the end of what it printed."""

    def __init__(self, message: str, output: str = "", remedy: str | None = None) -> None:
        super().__init__(f"{message}:\n{output}" if output else message, remedy)
        self.output = output


@dataclass(frozen=True)
class ContainerState:
    """A container as Docker sees it; times as Docker writes them (RFC 3339)."""

    name: str
    image: str
    status: str
    """created, running, paused, restarting, removing, exited, dead"""
    health: str | None
    """starting, healthy, unhealthy; None where the container has no healthcheck"""
    exit_code: int
    restarts: int
    started_at: str
    last_check: str
    """What the last healthcheck printed."""

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.status == "running"

    @property
    def healthy(self) -> bool:
        """Whether it runs and, where it has a healthcheck, passed the last one."""
        return self.running and self.health in {None, "healthy"}


class Engine:
    """Runs docker and compose, says in their own words what went wrong."""

    def __init__(self) -> None:
        self._children: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._cancelled = False

    def docker(self, *args: str, input: str | None = None, timeout: float = 60) -> str:
        """Run ``docker ARGS`` and return what it printed; ``timeout`` in seconds."""
        return _captured([_docker(), *args], input=input, timeout=timeout)

    def compose(
        self, file: Path, project: str, *args: str, stream: bool = False, timeout: float = 600
    ) -> str:
        """Run compose on ``file``; with ``stream`` its output goes to the terminal as it comes."""
        command = [*self._compose, "-f", str(file), "-p", project, *args]
        return _captured(command, timeout=timeout, stream=stream, cwd=file.parent)

    def follow(
        self,
        command: Sequence[str],
        on_line: Callable[[str], None],
        env: Mapping[str, str] | None = None,
        timeout: float = 3600,
    ) -> None:
        """Run a long command, handing over each line it prints; ``timeout`` in seconds.

        Raises CommandFailed with the last 20 lines; ``cancel`` from another thread ends it.
        """
        tail: deque[str] = deque(maxlen=_TAIL_LINES)
        with self._start(command, env) as child:
            limit = threading.Timer(timeout, child.terminate)
            limit.start()
            try:
                for line in child.stdout or ():
                    clean = _COLOURS.sub("", line).rstrip()
                    if clean:
                        tail.append(clean)
                        on_line(clean)
            except BaseException:
                child.terminate()
                raise
            finally:
                child.wait()
                limit.cancel()
                self._children.discard(child)
        if child.returncode != 0:
            raise CommandFailed(f"{_called(command)} failed", "\n".join(tail))

    def _start(
        self, command: Sequence[str], env: Mapping[str, str] | None
    ) -> subprocess.Popen[str]:
        with self._lock:
            if self._cancelled:
                raise RingwallError("stopped")
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **(env or {})},
            )
            self._children.add(child)
            return child

    def cancel(self) -> None:
        """End everything that ``follow`` runs, in all threads, and start nothing more."""
        with self._lock:
            self._cancelled = True
            for child in list(self._children):
                child.terminate()

    def container_state(self, name: str) -> ContainerState | None:
        """Return the state of the container called ``name``; None where there is none."""
        found = self._inspect("container", name)
        return None if found is None else _state(found)

    def image_exists(self, tag: str) -> bool:
        """Whether an image of this name and tag is here."""
        return self._inspect("image", tag) is not None

    def exec(
        self,
        container: str,
        *argv: str,
        input: str | None = None,
        user: str | None = None,
        timeout: float = 60,
    ) -> str:
        """Run ``argv`` inside a running container and return what it printed."""
        options = (["-i"] if input is not None else []) + (["-u", user] if user else [])
        return self.docker("exec", *options, container, *argv, input=input, timeout=timeout)

    def attach(self, container: str, *argv: str) -> subprocess.Popen[str]:
        """Start ``argv`` inside a running container, to be spoken with; the caller ends it.

        An interrupt at the terminal is not for it: who started it may still need it to clean up.
        """
        return subprocess.Popen(
            [_docker(), "exec", "-i", container, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(
        self,
        image: str,
        *argv: str,
        options: Sequence[str] = (),
        input: str | None = None,
        timeout: float = 60,
    ) -> str:
        """Run ``argv`` in a container of its own, removed afterwards, and return its output."""
        stdin = ["-i"] if input is not None else []
        return self.docker(
            "run", "--rm", *stdin, *options, image, *argv, input=input, timeout=timeout
        )

    def inspect_all(
        self, kind: Literal["container", "network", "volume"], *options: str
    ) -> list[dict[str, Any]]:
        """Return what ``docker inspect`` says of everything that ``docker KIND ls OPTIONS`` lists.

        What vanishes between the two calls makes a new try necessary.
        """
        for last in (False, False, True):
            listed = self.docker(kind, "ls", "--quiet", *options).split()
            try:
                found = self.docker(kind, "inspect", *listed) if listed else "[]"
            except CommandFailed as error:
                if last or not _NOT_FOUND.search(error.output):
                    raise
            else:
                return list(json.loads(found))
        raise AssertionError  # the last try returns or raises

    def _inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        try:
            found: list[dict[str, Any]] = json.loads(self.docker(kind, "inspect", name))
        except CommandFailed as error:
            if _NOT_FOUND.search(error.output):
                return None
            raise
        return found[0]

    @cached_property
    def _compose(self) -> list[str]:
        try:
            self.docker("compose", "version", timeout=20)
        except CommandFailed:
            if which("docker-compose"):
                return ["docker-compose"]
        else:
            return [_docker(), "compose"]
        raise RingwallError(
            "Docker Compose is missing", "apt-get install docker-compose, or Docker's own plugin"
        )


def _docker() -> str:
    found = which("docker")
    if found is None:
        raise RingwallError("docker is not installed", START_REMEDY)
    return found


def _called(command: Sequence[str]) -> str:
    """Name a command in a message: options of a long one say nothing to its reader."""
    words = [word.rpartition("/")[2] if n == 0 else word for n, word in enumerate(command)]
    return " ".join(words[:4])


def _captured(
    command: list[str],
    *,
    timeout: float,
    input: str | None = None,
    stream: bool = False,
    cwd: Path | None = None,
) -> str:
    where = None if stream else subprocess.PIPE
    try:
        done = subprocess.run(
            command,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            stdout=where,
            stderr=where,
            text=True,
            errors="replace",
            timeout=timeout,
            cwd=cwd,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(
            f"{_called(command)} did not finish within {timeout:g} s", remedy="docker ps; dmesg"
        ) from late
    if done.returncode != 0:
        raise _failure(command, done.returncode, (done.stderr or done.stdout or "").strip())
    return done.stdout or ""


def _failure(command: list[str], status: int, words: str) -> CommandFailed:
    if _NO_ENGINE.search(words):
        return CommandFailed("the Docker engine does not answer", words, START_REMEDY)
    return CommandFailed(f"{_called(command)} failed (exit status {status})", words)


def _state(found: dict[str, Any]) -> ContainerState:
    state = found["State"]
    health = state.get("Health") or {}
    checks = health.get("Log") or []
    return ContainerState(
        name=found["Name"].lstrip("/"),
        image=found["Config"]["Image"],
        status=state["Status"],
        health=health.get("Status"),
        exit_code=state["ExitCode"],
        restarts=found["RestartCount"],
        started_at=state["StartedAt"],
        last_check=checks[-1]["Output"].strip() if checks else "",
    )
