"""``up`` and ``down``: from ringwall.yaml to running containers, and back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace
from ringwall.errors import RingwallError
from ringwall.render import Facts, render
from ringwall.render.compose import FILE_NAME
from ringwall.render.containers import containers
from ringwall.runtime import certs, facts, images, lock, preflight, rendered
from ringwall.runtime.engine import Engine
from ringwall.runtime.health import State, states
from ringwall.runtime.plan import Plan, plan, wanted
from ringwall.runtime.rendered import Changes
from ringwall.runtime.starting import Say, Start
from ringwall.security import certificates, secrets, signature_keys
from ringwall.security.certificates import EdgeCertificate

_STOP_LIMIT = 180.0
_SETTLE = 30.0
_POLL = 1.0


@dataclass(frozen=True, slots=True)
class Applied:
    """What ``up`` did."""

    facts: Facts
    certificate: EdgeCertificate
    changed: bool
    failed: tuple[str, ...]
    """PBX containers that do not run."""


def up(place: Workspace, settings: Settings, say: Say) -> Applied:
    """Bring the system to what ``settings`` say, and wait until it can take calls.

    Whatever an interrupted run has left, the next one goes on from there. Raises
    ``RingwallError``: another command runs, the machine lacks something, a container fails.
    """
    with lock.held(place.lock):
        return _Up(place, settings, say).run()


def down(place: Workspace, say: Say, volumes: bool = False) -> bool:
    """Stop and remove the containers; with ``volumes`` their data too.

    Works from the rendered files, so that a broken ringwall.yaml stops nobody. Returns
    whether there was anything to stop.
    """
    project = _project(place.rendered)
    if project is None:
        return False
    with lock.held(place.lock):
        engine = Engine()
        there = states(engine, project)
        if there:
            say(f"stopping {', '.join(there)}")
        _compose_down(engine, place.rendered, project, ["--volumes"] if volumes else [])
    return bool(there)


class _Up:
    def __init__(self, place: Workspace, settings: Settings, say: Say) -> None:
        self._place = place
        self._settings = settings
        self._say = say
        self._engine = Engine()
        self._project = settings.instance.name

    def run(self) -> Applied:
        self._check_machine()
        known = facts.find(self._settings)
        written = secrets.ensure(self._place.secrets, Addresses(self._settings))
        self._ensure_signature_key()
        certificate = certificates.ensure(self._place.certs, self._settings, known.public_address)
        images.ensure(self._settings, images.COMPONENTS, self._say, self._engine)
        files = render(self._settings, known)
        self._retire(files)
        changes = rendered.update(self._place.rendered, files)
        found = states(self._engine, self._project)
        todo = plan(wanted(self._engine, self._file, self._project), found)
        self._tell(changes, todo)
        restarted = self._renew(found, todo, written, certificate)
        everything = containers(self._settings)
        failed: tuple[str, ...] = ()
        if todo or restarted or not all(found[one.role].healthy for one in everything):
            failed = Start(self._engine, self._file, self._project, self._say).run(everything)
        return Applied(known, certificate, bool(todo or changes or written), failed)

    def _check_machine(self) -> None:
        """Check what the machine offers; Docker may still hold ports of an interrupted start."""
        former = _project(self._place.rendered)
        interrupted = any(
            state.status == "created" for state in states(self._engine, self._project).values()
        )
        deadline = time.monotonic() + (_SETTLE if interrupted else 0)
        while True:
            try:
                return preflight.check(self._settings, self._engine, former)
            except RingwallError:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(_POLL)

    def _ensure_signature_key(self) -> None:
        mode = self._settings.security.signature.mode
        if signature_keys.ensure(self._place.secrets, mode, datetime.now(UTC)):
            self._say("made a key for X-Company-Signature: `ringwall signature keys --show`")

    @property
    def _file(self) -> Path:
        return self._place.rendered / FILE_NAME

    def _retire(self, files: Mapping[str, bytes]) -> None:
        """Stop what runs under another name or on other networks: those cannot be changed."""
        old = _project(self._place.rendered)
        if old is None or not states(self._engine, old):
            return
        if old != self._project:
            self._say(f"the instance was called {old}: stopping it; its data stays in {old}_*")
        elif _networks(self._file) != _networks_in(files[FILE_NAME]):
            self._say("the networks change: stopping all containers first")
        else:
            return
        _compose_down(self._engine, self._place.rendered, old)

    def _tell(self, changes: Changes, todo: Plan) -> None:
        parts = {
            "new files": changes.added,
            "changed files": changes.changed,
            "removed files": changes.removed,
            "containers to make": todo.make,
            "containers to make anew": todo.make_anew,
            "containers to start": todo.start,
            "containers to remove": todo.remove,
        }
        for what, names in parts.items():
            if names:
                self._say(f"{what}: {', '.join(names)}")

    def _renew(
        self,
        found: Mapping[str, State],
        todo: Plan,
        written: frozenset[str],
        certificate: EdgeCertificate,
    ) -> bool:
        """Tell those that go on running that a secret or the certificate is another now.

        Return whether any had to be restarted.
        """
        running = {
            one.role: one.component
            for one in containers(self._settings)
            if one.role in found
            and found[one.role].status == "running"
            and one.role not in todo.make_anew
        }
        changed = {path.partition("/")[0] for path in written}
        stale = [role for role, component in running.items() if component in changed]
        if stale:
            self._say(f"new secrets: restarting {', '.join(stale)}")
            self._engine.compose(self._file, self._project, "restart", *stale)
        if certificate.changed and "kamailio_sbc" in running.keys() - set(stale):
            self._say("new certificate: telling Kamailio")
            certs.tell(self._engine, self._place.certs, found["kamailio_sbc"].name)
        return bool(stale)


def _compose_down(
    engine: Engine, directory: Path, project: str, options: list[str] | None = None
) -> None:
    engine.compose(
        directory / FILE_NAME,
        project,
        "down",
        "--remove-orphans",
        *(options or []),
        timeout=_STOP_LIMIT,
    )


def _project(directory: Path) -> str | None:
    """Return the project that the rendered files belong to; None where there are none."""
    try:
        lines = (directory / ".env").read_text().splitlines()
    except FileNotFoundError:
        return None
    values = dict(line.partition("=")[::2] for line in lines)
    return values.get("COMPOSE_PROJECT_NAME") if (directory / FILE_NAME).is_file() else None


def _networks(file: Path) -> object:
    return _networks_in(file.read_bytes())


def _networks_in(text: bytes) -> object:
    try:
        return YAML(typ="safe").load(text)["networks"]
    except (YAMLError, KeyError, TypeError) as error:
        raise RingwallError(
            f"{FILE_NAME} in .ringwall/rendered is damaged",
            "remove the containers with docker rm -f, the file, and run `ringwall up`",
        ) from error
