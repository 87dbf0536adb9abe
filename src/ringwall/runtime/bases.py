"""Debian's own base images: pulled where a registry answers, else made from the mirror.

Both ways lead to the same packages; without a registry a suite takes some fifteen seconds more.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from ringwall.errors import RingwallError
from ringwall.runtime.engine import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.config.model import Build
    from ringwall.runtime.engine import Engine

PULL_SECONDS = 60
_SNAPSHOT = "http://snapshot.debian.org/archive"
_ROLLING = {"sid", "unstable", "experimental"}
_NOT_THERE = re.compile(r"manifest unknown|not found|repository does not exist|access denied")


@dataclass(frozen=True)
class Source:
    """Where apt finds a suite's packages."""

    suite: str
    mirror: str
    security_mirror: str
    """Empty where the suite has no security archive."""
    check_valid_until: bool
    """False where the index may be old: snapshots, and mirrors of sid that lag."""
    pinned: bool
    """A snapshot: an image that was pulled would be newer than its packages."""

    @classmethod
    def of(cls, build: Build, kind: Literal["edge", "stable"]) -> Source:
        """Read the source of the ``edge`` or ``stable`` base from the settings."""
        suite = build.edge_suite if kind == "edge" else build.stable_suite
        mirror, security = build.debian_mirror, build.security_mirror
        if build.snapshot is not None:
            mirror = f"{_SNAPSHOT}/debian/{build.snapshot}"
            security = f"{_SNAPSHOT}/debian-security/{build.snapshot}"
        return cls(
            suite=suite,
            mirror=mirror,
            security_mirror="" if suite in _ROLLING else security,
            check_valid_until=kind == "stable" and build.snapshot is None,
            pinned=build.snapshot is not None,
        )

    def apt_lines(self) -> list[str]:
        """Return the one-line sources: with the security updates, where there are any."""
        lines = [f"deb {self.mirror} {self.suite} main"]
        if self.security_mirror:
            lines.append(f"deb {self.mirror} {self.suite}-updates main")
            lines.append(f"deb {self.security_mirror} {self.suite}-security main")
        return lines

    def build_args(self) -> dict[str, str]:
        """Return the arguments of stack/base/Dockerfile."""
        return {
            "SUITE": self.suite,
            "MIRROR": self.mirror,
            "SECURITY_MIRROR": self.security_mirror,
            "CHECK_VALID_UNTIL": "yes" if self.check_valid_until else "no",
        }


class Bases:
    """Gets Debian's base images; remembers for its lifetime that no registry answers."""

    def __init__(self, engine: Engine, build: Build, dpkg_options: Path) -> None:
        self._engine = engine
        self._build = build
        self._dpkg_options = dpkg_options
        self._registry_answers = bool(build.registry)
        self._one_at_a_time = threading.Lock()

    def get(self, source: Source, progress: Callable[[str], None]) -> str:
        """Return the name of an image of ``source``'s suite that is here."""
        return self._pulled(source, progress) or self._made(source, progress)

    def _pulled(self, source: Source, progress: Callable[[str], None]) -> str | None:
        if source.pinned or not self._build.registry:
            return None
        name = f"{self._build.registry}debian:{source.suite}-slim"
        if self._engine.image_exists(name):
            return name
        with self._one_at_a_time:
            return name if self._registry_answers and self._pull(name, progress) else None

    def _pull(self, name: str, progress: Callable[[str], None]) -> bool:
        progress(f"{name}: pulling")
        command = ["docker", "pull", "--quiet", name]
        try:
            self._engine.follow(command, lambda _: None, timeout=PULL_SECONDS)
        except CommandFailed as error:
            self._registry_answers = bool(_NOT_THERE.search(error.output))
            reason = error.output.splitlines()[-1:] or [str(error)]
            progress(f"{name}: not from the registry ({reason[0]}); made from the mirror instead")
            return False
        return True

    def _made(self, source: Source, progress: Callable[[str], None]) -> str:
        inputs = f"{source}{source.apt_lines()}{self._dpkg_options.read_text()}"
        digest = hashlib.sha256(inputs.encode()).hexdigest()[:12]
        tag = f"ringwall/debian-{source.suite}:{digest}"
        if not self._engine.image_exists(tag):
            with self._one_at_a_time:
                install_mmdebstrap(self._engine, progress)
            self._bootstrap(source, tag, progress)
        return tag

    def _bootstrap(self, source: Source, tag: str, progress: Callable[[str], None]) -> None:
        started = time.monotonic()
        progress(f"debian {source.suite}: bootstrapping from {source.mirror}")
        # /var/tmp: /tmp is often in memory, and this needs 300 MB.
        with TemporaryDirectory(prefix="ringwall-", dir="/var/tmp") as folder:
            archive = Path(folder, "root.tar")
            command = self._mmdebstrap(source, archive)
            self._engine.follow(command, lambda _: None, env={"TMPDIR": folder})
            # The import is one step: its tag appears with the whole image or not at all.
            self._engine.follow(["docker", "import", str(archive), tag], lambda _: None)
        progress(f"debian {source.suite}: made in {time.monotonic() - started:.0f} s")

    def _mmdebstrap(self, source: Source, archive: Path) -> list[str]:
        options = [f"--dpkgopt={self._dpkg_options}"]
        if not source.check_valid_until:
            options.append('--aptopt=Acquire::Check-Valid-Until "false"')
        if self._build.ca_file is not None:
            options.append(f'--aptopt=Acquire::https::CAInfo "{self._build.ca_file.resolve()}"')
        return [
            "mmdebstrap",
            "--variant=minbase",
            *options,
            source.suite,
            str(archive),
            *source.apt_lines(),
        ]


def install_mmdebstrap(engine: Engine, progress: Callable[[str], None]) -> None:
    """Install mmdebstrap from the host's own Debian, where it is missing."""
    if which("mmdebstrap"):
        return
    progress("installing mmdebstrap on this machine")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", "mmdebstrap"]
    try:
        engine.follow(["apt-get", "update"], lambda _: None, env=quiet)
        engine.follow(install, lambda _: None, env=quiet)
    except (CommandFailed, FileNotFoundError) as error:
        raise RingwallError(
            f"no registry answers, and mmdebstrap could not be installed:\n{error}",
            "apt-get install mmdebstrap; or set build.registry in ringwall.yaml to a registry "
            "that has debian images",
        ) from error
