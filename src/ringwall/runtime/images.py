"""Builds the images that are missing: two at a time, visibly, and whole or not at all."""

from __future__ import annotations

import os
import re
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from ringwall.errors import BadInput, RingwallError
from ringwall.runtime.bases import Bases
from ringwall.runtime.engine import CommandFailed, Engine
from ringwall.runtime.recipes import (
    RECIPES,
    STACK,
    base_source,
    build_args,
    context_files,
    image_tag,
    needs,
    write_context,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ringwall.config.model import Settings

__all__ = ["COMPONENTS", "ensure", "image_tag", "missing"]

COMPONENTS: Final = (
    "kamailio", "rtpengine", "asterisk", "mariadb", "syslog", "control", "fail2ban", "tools",
)  # fmt: skip
PYTHON: Final = "3.13"
"""The Python of the stable base, for which control's wheels are chosen."""
_AT_A_TIME = 2
_KEPT = 3
"""Images of a component that stay: two changes can be taken back without a build."""
_HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_STEP = re.compile(r"Step (\d+/\d+) : (RUN .*)")
_GLIBC = (17, 24, 26, 27, 28, 31, 34, 35, 39)
_CAUSES = (
    (r"no space left on device", "the disk is full", "docker system df; free some space"),
    (r"assert-floor: .* below.*", "", "build.edge_suite, build.snapshot: name newer packages"),
    (
        r"certificate|tls handshake",
        "a certificate could not be verified",
        "build.ca_file in ringwall.yaml for Debian mirrors; PIP_CERT for Python packages",
    ),
    (r"not valid yet", "the mirror's index is from the future", "set this machine's clock"),
    (
        r"valid-until|is expired|\b404\b",
        "the mirror is out of date or has lost packages",
        "build.debian_mirror, build.snapshot and the suites in ringwall.yaml",
    ),
    (
        r"no matching distribution|hashes are required|do not match the hashes",
        "Python packages are missing or are not the locked ones",
        f"build.wheels must hold every file of requirements/runtime.txt for Python {PYTHON}",
    ),
    (
        r"could not (resolve|connect)|unable to connect|temporary failure|failed to fetch|retries",
        "a server cannot be reached",
        (
            "build.debian_mirror must be reachable from this machine and from its containers; "
            "the index of Python packages from this machine, or set build.wheels"
        ),
    ),
)


def missing(
    settings: Settings, components: Iterable[str] = COMPONENTS, engine: Engine | None = None
) -> list[str]:
    """Return which images must be built, those they stand on included, in order."""
    listed = (engine or Engine()).docker(
        "image", "ls", "--filter", "reference=ringwall/*", "--format", "{{.Repository}}:{{.Tag}}"
    )
    here = set(listed.split())
    wanted: set[str] = set()

    def want(component: str) -> None:
        if image_tag(component, settings) not in here:
            wanted.add(component)
            for below in needs(component).values():
                want(below)

    for component in components:
        want(component)
    return [component for component in RECIPES if component in wanted]


def ensure(
    settings: Settings,
    components: Iterable[str],
    progress: Callable[[str], None],
    engine: Engine | None = None,
) -> None:
    """Build what is missing of ``components``; ``progress`` gets a line for each thing done.

    Raises RingwallError with the end of the build's output and its cause. Interrupted, it ends what
    it started; an image that was not finished has no tag.
    """
    engine = engine or Engine()
    todo = missing(settings, components, engine)
    if todo:
        _Build(settings, engine, progress, todo).run()
        _forget_old(engine, todo)


class _Build:
    def __init__(
        self, settings: Settings, engine: Engine, progress: Callable[[str], None], todo: list[str]
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._progress = progress
        self._todo = todo
        self._bases = Bases(engine, settings.build, STACK / "base" / "dpkg.cfg")
        self._started = time.monotonic()

    def run(self) -> None:
        self._say(f"{len(self._todo)} images to build: {', '.join(self._todo)}")
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            try:
                self._run_in(pool)
            except BaseException:
                self._engine.cancel()
                raise
        self._say("all images are built")

    def _run_in(self, pool: ThreadPoolExecutor) -> None:
        """Start whatever has all it needs, two at a time, until everything is there."""
        waiting, running, done = list(self._todo), dict[Future[None], str](), 0
        while waiting or running:
            for component in self._ready(waiting, running):
                running[pool.submit(self._make, component)] = component
                waiting.remove(component)
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                component = running.pop(future)
                future.result()
                done += 1
                self._say(f"{component}: done ({done} of {len(self._todo)})")

    @staticmethod
    def _ready(waiting: list[str], running: dict[Future[None], str]) -> list[str]:
        not_there = {*waiting, *running.values()}
        ready = [name for name in waiting if not not_there & set(needs(name).values())]
        return ready[: _AT_A_TIME - len(running)]

    def _make(self, component: str) -> None:
        try:
            with TemporaryDirectory(prefix="ringwall-") as name:
                folder = Path(name)
                write_context(folder, context_files(component, self._settings.build))
                self._prepare(component, folder)
                self._engine.follow(
                    self._command(component, folder),
                    lambda line: self._show_step(component, line),
                    env={"DOCKER_BUILDKIT": "0"},
                )
        except CommandFailed as error:
            raise _explained(component, error) from None  # its message holds this one's
        except OSError as error:
            raise RingwallError(f"building {component}: {error}", "df -h /tmp") from error

    def _prepare(self, component: str, folder: Path) -> None:
        """Add what a build needs and no tag depends on."""
        build = self._settings.build
        if component == "control-packages":
            self._say(f"{component}: collecting Python packages")
            self._engine.follow(_pip(folder, build.wheels), lambda _: None)
        source = base_source(component, build)
        if source and source.mirror.startswith("https:") and build.ca_file is None:
            (folder / "ca.pem").write_bytes(_HOST_CERTIFICATES.read_bytes())

    def _command(self, component: str, folder: Path) -> list[str]:
        args = build_args(component, self._settings)
        source = base_source(component, self._settings.build)
        if source is not None:
            args["ROOT"] = self._bases.get(source, self._say)
        options = [f"--build-arg={name}={value}" for name, value in args.items()]
        # Without a value: Docker takes it from the environment, and keeps it out of the image.
        options += [f"--build-arg={name}" for name in _PROXIES if os.environ.get(name)]
        tag = image_tag(component, self._settings)
        return ["docker", "build", "--force-rm", *options, "--tag", tag, str(folder)]

    def _show_step(self, component: str, line: str) -> None:
        if step := _STEP.match(line):
            what = " ".join(step[2].split())
            self._say(f"{component}: step {step[1]}: {what:.80}")

    def _say(self, line: str) -> None:
        self._progress(f"[{time.monotonic() - self._started:4.0f} s] {line}")


def _pip(folder: Path, wheels: Path | None) -> list[str]:
    """Unpack the locked dependencies for the image's Python: the image itself needs no index."""
    origin = []
    if wheels is not None:
        if not wheels.is_dir():
            raise BadInput(
                f"build.wheels: {wheels} is no folder", "name one, or remove the setting"
            )
        origin = ["--no-index", "--find-links", str(wheels)]
    return [
        sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
        "--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:",
        "--implementation=cp", f"--python-version={PYTHON}",
        *(f"--platform=manylinux_2_{minor}_x86_64" for minor in _GLIBC),
        "--platform=manylinux2014_x86_64", *origin,
        f"--target={folder / 'site-packages'}", f"--requirement={folder / 'requirements.txt'}",
    ]  # fmt: skip


def _explained(component: str, error: CommandFailed) -> RingwallError:
    for pattern, cause, remedy in _CAUSES:
        if found := re.search(pattern, error.output, re.IGNORECASE):
            words = f"building {component}: {cause or found[0]}"
            return RingwallError(f"{words}\n{error.output}", remedy)
    return RingwallError(f"building {component}: {error}", error.remedy)


def _forget_old(engine: Engine, components: Iterable[str]) -> None:
    """Remove all but the newest images of what was built.

    Those of the last day stay, because another instance may be about to start one, and so do
    those that a container uses.
    """
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(" ", "seconds")
    for component in components:
        listed = engine.docker(
            "image", "ls", f"ringwall/{component}",
            "--format", "{{.CreatedAt}}\t{{.Repository}}:{{.Tag}}",
        )  # fmt: skip
        images = [line.split("\t") for line in listed.splitlines()]
        for tag in (tag for created, tag in images[_KEPT:] if created < yesterday):
            try:
                engine.docker("image", "rm", tag)
            except CommandFailed:  # in use: Docker keeps it
                continue
