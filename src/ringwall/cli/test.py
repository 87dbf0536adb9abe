"""``ringwall test``: every check of this clone, and the tests against real parts."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Annotated
from xml.etree import ElementTree as ET

import typer

from ringwall.errors import BadInput, RingwallError
from ringwall.runtime.recipes import PACKAGE

_NOTHING_COLLECTED = 5  # pytest's exit status
Counts = dict[str, int]


class Kind(StrEnum):
    """What can be run by itself: the static checks, or a folder of tests/."""

    STATIC = "static"
    UNIT = "unit"
    GOLDEN = "golden"
    ROUTING = "routing"
    SYSTEM = "system"
    ATTACK = "attack"
    CHAOS = "chaos"
    BROWSER = "browser"


_ONE_INSTANCE = (Kind.SYSTEM, Kind.ATTACK)
"""They need the same running system: it is handed from one to the next."""
_ALWAYS = {Kind.STATIC, Kind.UNIT, Kind.GOLDEN, Kind.SYSTEM}

Long = Annotated[bool, typer.Option("--long", help="Add what takes long: soaks, long outages.")]
Only = Annotated[
    list[Kind] | None, typer.Option("--only", "-m", help="Run this kind; may be repeated.")
]
Match = Annotated[str, typer.Option("-k", help="Run the tests whose names match (pytest's -k).")]
AllowSkips = Annotated[
    bool, typer.Option("--allow-skips", help="A test that was skipped is no failure.")
]


@dataclass(frozen=True)
class Asked:
    """Which tests of a kind are to run, and whether one that was skipped is a failure."""

    long: bool
    match: str
    allow_skips: bool


@dataclass(frozen=True)
class Outcome:
    """How a check ended."""

    name: str
    seconds: float
    words: str
    """What was run, or what went wrong."""
    passed: bool
    ran: int = 1
    """Tests that ran; checks count as one."""

    def __str__(self) -> str:
        """Write the line of the summary."""
        mark = "ok    " if self.passed else "FAILED"
        return f"{mark}  {self.name:<14}{self.seconds:7.1f} s  {self.words}"


def test(
    long: Long = False, only: Only = None, match: Match = "", allow_skips: AllowSkips = False
) -> None:
    """Run every check and test of this clone; installs what they need."""
    clone = _clone()
    kinds = _kinds(clone, only or [])
    _install(clone, kinds)
    asked = Asked(long, match, allow_skips)
    outcomes = [] if match or Kind.STATIC not in kinds else list(_static(clone))
    for kind in kinds:
        if kind is not Kind.STATIC:
            outcomes.append(_pytest(clone, kind, asked, _handing_over(kind, kinds)))
    _conclude(outcomes)


def _conclude(outcomes: list[Outcome]) -> None:
    typer.echo("\n" + "\n".join(map(str, outcomes)))
    failed = [outcome.name for outcome in outcomes if not outcome.passed]
    if failed:
        raise RingwallError(f"{len(failed)} of {len(outcomes)} failed: {', '.join(failed)}")
    if not any(outcome.ran for outcome in outcomes):
        raise RingwallError("no test matches", "another -k, or another --only")


def _clone() -> Path:
    clone = PACKAGE.parent.parent
    if not (clone / "tests").is_dir():
        raise RingwallError(
            f"{clone} has no tests: they come with the source, not with the installed package",
            "run ./ringwall test in a clone",
        )
    return clone


def _kinds(clone: Path, only: list[Kind]) -> list[Kind]:
    there = [kind for kind in Kind if kind in _ALWAYS or _folder(clone, kind).is_dir()]
    for kind in only:
        if kind not in there:
            raise BadInput(f"--only {kind}: there is no {_folder(clone, kind)}")
    return [kind for kind in there if not only or kind in only]


def _folder(clone: Path, kind: Kind) -> Path:
    return clone / "tests" / kind


def _install(clone: Path, kinds: list[Kind]) -> None:
    """Install what the tests need: once for each version of the locked list."""
    locked = clone / "requirements" / "dev.txt"
    stamp = Path(sys.prefix, "ringwall-dev.stamp")
    wanted = hashlib.sha256(locked.read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != wanted:
        wheels = os.environ.get("RINGWALL_WHEELS")
        origin = ["--no-index", "--find-links", wheels] if wheels else []
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _must([*pip, "--require-hashes", *origin, "-r", str(locked)], "the tests' Python packages")
        stamp.write_text(wanted)
    if Kind.STATIC in kinds and which("shellcheck") is None:
        _must(["apt-get", "install", "-q", "-y", "shellcheck"], "shellcheck")


def _must(command: list[str], what: str) -> None:
    typer.echo(f"installing {what}")
    words = _run(command, Path.cwd(), {"DEBIAN_FRONTEND": "noninteractive"})
    if words is not None:
        raise RingwallError(f"{what} could not be installed:\n{words}", "run as root, online")


def _run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> str | None:
    """Run a command; return what it printed when it failed, None when it did not."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "no output" if done.returncode else None


def _static(clone: Path) -> Iterator[Outcome]:
    python = [sys.executable, "-m"]
    scripts = [str(path) for path in _scripts(clone)]
    checks = {
        "ruff check": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "mypy": [*python, "mypy", "--strict"],
        "import-linter": [str(Path(sys.executable).with_name("lint-imports"))],
        "shellcheck": ["shellcheck", "--", *scripts],
    }
    for name, command in checks.items():
        started = time.monotonic()
        typer.echo(f"{name} …")
        words = _run(command, clone)
        if words is not None:
            typer.echo(words)
        detail = "" if words is None else words.splitlines()[-1]
        yield Outcome(name, time.monotonic() - started, detail, words is None)


def _scripts(clone: Path) -> Iterator[Path]:
    """Return the shell scripts of the clone: all that starts with a shell's #! line."""
    for top in (clone / "ringwall", clone / ".ci", clone / "src", clone / "tests"):
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.suffix in {"", ".sh"} and path.is_file():
                with path.open("rb") as file:
                    if re.match(rb"#! ?/\S*(env )?\b(ba|da)?sh\b", file.readline()):
                        yield path


def _handing_over(kind: Kind, kinds: list[Kind]) -> dict[str, str]:
    """Return the variables that tell a kind to take or to leave the running system."""
    if not all(one in kinds for one in _ONE_INSTANCE) or kind not in _ONE_INSTANCE:
        return {}
    return {"RINGWALL_TEST_LEAVE" if kind is Kind.SYSTEM else "RINGWALL_TEST_TAKE": "1"}


def _pytest(clone: Path, kind: Kind, asked: Asked, env: Mapping[str, str]) -> Outcome:
    started = time.monotonic()
    typer.echo(f"\n{kind} tests …")
    folder = _folder(clone, kind)
    command = [sys.executable, "-m", "pytest", "-q", str(folder)]
    command += [] if asked.long else ["-m", "not long"]
    command += ["-k", asked.match] if asked.match else []
    # Unit tests share nothing; a worker a core.
    command += ["-n", "auto"] if kind is Kind.UNIT else []
    with TemporaryDirectory(prefix="ringwall-") as scratch:
        report = Path(scratch, "report.xml")
        status = subprocess.run(
            [*command, f"--junit-xml={report}"], cwd=clone, env={**os.environ, **env}, check=False
        ).returncode
        counts = _counts(report)
    seconds = time.monotonic() - started
    ran = counts["tests"] - counts["skipped"]
    bad = [f"{counts[key]} {key}" for key in ("failures", "errors", "skipped") if counts[key]]
    passed = _passed(status, counts, bool(asked.match), asked.allow_skips)
    return Outcome(kind, seconds, ", ".join([f"{ran} ran", *bad]), passed, ran)


def _passed(status: int, counts: Counts, selected: bool, allow_skips: bool) -> bool:
    """Tell whether all that should have run did; names may select none of a kind's tests."""
    if status == _NOTHING_COLLECTED:
        return selected
    ran = counts["tests"] - counts["skipped"]
    return status == 0 and ran > 0 and (allow_skips or not counts["skipped"])


def _counts(report: Path) -> Counts:
    """Read pytest's counts; all zero where it ended before it wrote them."""
    names = ("tests", "failures", "errors", "skipped")
    if not report.is_file():
        return dict.fromkeys(names, 0)
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - our own file
    return {name: int(suite.get(name, 0)) if suite is not None else 0 for name in names}
