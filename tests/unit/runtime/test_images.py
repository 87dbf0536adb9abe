"""Tags follow their inputs; builds run in order, two at a time, and explain their failures."""

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ringwall.config.model import Build, Settings
from ringwall.errors import BadInput, RingwallError
from ringwall.runtime import images, recipes
from ringwall.runtime.bases import Bases, Source
from ringwall.runtime.engine import CommandFailed, Engine
from ringwall.runtime.images import COMPONENTS, ensure, image_tag, missing

SETTINGS = Settings()


def build(**values: Any) -> Settings:
    return Settings(build=Build(**values))


class Recorder(Engine):
    """An engine that has some images, notes what it is asked for, and fails where told to."""

    def __init__(self, here: Iterable[str] = (), failing: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.here = set(here)
        self.failing = failing or {}
        self.done: list[list[str]] = []
        self.contexts: dict[str, set[str]] = {}

    def docker(self, *args: str, input: str | None = None, timeout: float = 60) -> str:
        listed = args[:2] == ("image", "ls")
        return "\n".join(
            f"2026-01-01 00:00:00 +0000 UTC\t{tag}" for tag in sorted(self.here) if listed
        )

    def image_exists(self, tag: str) -> bool:
        return tag in self.here

    def follow(self, command: Sequence[str], *_: Any, **__: Any) -> None:
        self.done.append(list(command))
        for word, output in self.failing.items():
            if any(word in part for part in command):
                raise CommandFailed("it failed", output)
        if command[:2] == ["docker", "build"]:
            tag = command[command.index("--tag") + 1]
            self.here.add(tag)
            folder = Path(command[-1])
            found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
            self.contexts[tag.partition(":")[0].partition("/")[2]] = found

    @property
    def built(self) -> list[str]:
        return [
            command[command.index("--tag") + 1].partition(":")[0].partition("/")[2]
            for command in self.done
            if command[:2] == ["docker", "build"]
        ]


def tags(settings: Settings) -> dict[str, str]:
    return {component: image_tag(component, settings) for component in COMPONENTS}


def test_tags_are_stable_and_well_formed() -> None:
    assert tags(SETTINGS) == tags(Settings())
    for component, tag in tags(SETTINGS).items():
        name, _, digest = tag.partition(":")
        assert name == f"ringwall/{component}"
        assert len(digest) == 12
        assert int(digest, 16) >= 0


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ({"edge_suite": "forky"}, set(COMPONENTS) - {"syslog", "control", "fail2ban"}),
        ({"stable_suite": "forky"}, {"syslog", "control", "fail2ban", "mariadb"}),
        ({"debian_mirror": "http://mirror.example/debian"}, set(COMPONENTS)),
        ({"snapshot": "20261101T000000Z"}, set(COMPONENTS)),
        ({"wheels": Path("/wheels")}, set()),  # locked by hashes, wherever they come from
        ({"registry": ""}, set()),
    ],
)
def test_what_a_setting_rebuilds(change: dict[str, Any], touched: set[str]) -> None:
    before, after = tags(SETTINGS), tags(build(**change))
    assert {name for name in COMPONENTS if before[name] != after[name]} == touched


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the stack, so that a test may edit it."""
    copy = tmp_path / "stack"
    for path in recipes.STACK.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(recipes.STACK)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    monkeypatch.setattr(recipes, "STACK", copy)
    return copy


@pytest.mark.parametrize(
    ("file", "touched"),
    [
        ("kamailio/kamailio.cfg", {"kamailio"}),
        ("kamailio-packages/Dockerfile", {"kamailio", "mariadb"}),
        ("base/bin/install-packages", set(COMPONENTS)),
        ("syslog/rsyslog.conf", {"syslog"}),
        ("control-packages/Dockerfile", {"control"}),
    ],
)
def test_what_an_edit_rebuilds(stack: Path, file: str, touched: set[str]) -> None:
    before = tags(SETTINGS)
    with (stack / file).open("a") as edited:
        edited.write("# another\n")
    after = tags(SETTINGS)
    assert {name for name in COMPONENTS if before[name] != after[name]} == touched


def test_the_command_line_is_no_part_of_control() -> None:
    files = {path for path, _ in recipes.context_files("control", SETTINGS.build)}
    assert "src/ringwall/errors.py" in files
    assert not [path for path in files if "/cli/" in path or "/runtime/" in path]
    assert not [path for path in files if path.endswith(".pyc")]


def test_scripts_are_executable_in_the_context(tmp_path: Path) -> None:
    recipes.write_context(tmp_path, [("bin/run", b"#!/bin/sh\n"), ("a.cfg", b"x")])
    assert (tmp_path / "bin/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a.cfg").stat().st_mode & 0o777 == 0o644


def test_nothing_missing_builds_nothing() -> None:
    engine = Recorder(tags(SETTINGS).values())
    ensure(SETTINGS, COMPONENTS, lambda _: None, engine)
    assert engine.done == []


def test_only_what_is_missing_is_built_and_bases_are_left_alone() -> None:
    here = tags(SETTINGS)
    del here["syslog"]
    engine = Recorder([*here.values(), image_tag("base-stable", SETTINGS)])
    assert missing(SETTINGS, engine=engine) == ["syslog"]
    ensure(SETTINGS, COMPONENTS, lambda _: None, engine)
    assert engine.built == ["syslog"]


def test_everything_is_built_after_what_it_stands_on() -> None:
    engine, lines = Recorder(), list[str]()
    ensure(SETTINGS, COMPONENTS, lines.append, engine)
    assert sorted(engine.built) == sorted(recipes.RECIPES)
    for component in recipes.RECIPES:
        for below in recipes.needs(component).values():
            assert engine.built.index(below) < engine.built.index(component)
    assert "requirements.txt" in engine.contexts["control-packages"]
    assert "src/ringwall/__init__.py" in engine.contexts["control"]
    assert "all images are built" in lines[-1]


def test_builds_are_given_no_secret_and_no_proxy_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:geheim@proxy.example:3128")
    engine = Recorder()
    ensure(SETTINGS, ["syslog"], lambda _: None, engine)
    words = [word for command in engine.done for word in command]
    assert "--build-arg=https_proxy" in words
    assert not [word for word in words if "geheim" in word]


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("x\nwrite /a: no space left on device", "disk is full"),
        ("E: Failed to fetch http://deb  Could not connect to 1.2.3.4", "cannot be reached"),
        ("assert-floor: kamailio 6.0.1 is below the security floor 6.1.4 (x)", "floor 6.1.4"),
        ("Release file for http://x is not valid yet", "from the future"),
        ("certificate verify failed", "certificate"),
        ("ERROR: No matching distribution found for x", "Python packages"),
        ("something else", "something else"),
    ],
)
def test_a_failed_build_names_its_component_and_cause(output: str, cause: str) -> None:
    engine = Recorder(failing={"ringwall/syslog": output})
    with pytest.raises(RingwallError, match=f"(?s)building syslog: .*{cause}") as raised:
        ensure(SETTINGS, ["syslog"], lambda _: None, engine)
    assert output in str(raised.value)


def test_after_a_failure_nothing_more_is_started() -> None:
    engine = Recorder(failing={"ringwall/base-edge": "broken"})
    with pytest.raises(RingwallError, match="base-edge"):
        ensure(SETTINGS, ["kamailio"], lambda _: None, engine)
    assert "kamailio-packages" not in engine.built
    with pytest.raises(RingwallError, match="stopped"):
        Engine.follow(engine, ["true"], lambda _: None)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"build\.ca_file"):
        image_tag("syslog", build(ca_file=tmp_path / "ca.pem"))
    with pytest.raises(BadInput, match=r"build\.wheels"):
        ensure(build(wheels=tmp_path / "none"), ["control"], lambda _: None, Recorder())


def test_wheels_from_a_folder_ask_no_index(tmp_path: Path) -> None:
    engine = Recorder()
    ensure(build(wheels=tmp_path), ["control"], lambda _: None, engine)
    (pip,) = [command for command in engine.done if command[0] == sys.executable]
    assert pip[pip.index("--no-index") + 2] == str(tmp_path)
    assert "--require-hashes" in pip


class TestBases:
    @pytest.fixture(autouse=True)
    def _mmdebstrap_is_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ringwall.runtime.bases.which", lambda name: f"/usr/bin/{name}")

    def get(self, engine: Engine, build: Build, kinds: str = "edge") -> list[str]:
        bases = Bases(engine, build, recipes.STACK / "base" / "dpkg.cfg")
        suites = [Source.of(build, "edge")] if kinds == "edge" else []
        suites = suites or [Source.of(build, "edge"), Source.of(build, "stable")]
        return [bases.get(source, lambda _: None) for source in suites]

    def test_an_image_that_is_here_is_used(self) -> None:
        name = "docker.io/library/debian:sid-slim"
        engine = Recorder([name])
        assert self.get(engine, Build()) == [name]
        assert engine.done == []

    def test_pulled_where_a_registry_answers(self) -> None:
        engine = Recorder()
        assert self.get(engine, Build(registry="r.example/")) == ["r.example/debian:sid-slim"]
        assert engine.done[0][:2] == ["docker", "pull"]

    def test_a_registry_is_asked_once_and_then_the_mirror(self) -> None:
        engine = Recorder(failing={"-slim": "dial tcp: no such host"})
        found = self.get(engine, Build(), "both")
        assert [tag.partition(":")[0] for tag in found] == [
            "ringwall/debian-sid",
            "ringwall/debian-trixie",
        ]
        assert len([command for command in engine.done if command[1] == "pull"]) == 1

    def test_a_registry_without_one_suite_is_asked_for_the_other(self) -> None:
        engine = Recorder(failing={"sid-slim": "manifest unknown"})
        found = self.get(engine, Build(), "both")
        assert found[1] == "docker.io/library/debian:trixie-slim"

    @pytest.mark.parametrize(
        "build", [Build(registry=""), Build(snapshot="20261101T000000Z")], ids=["none", "pinned"]
    )
    def test_no_registry_is_asked(self, build: Build) -> None:
        engine = Recorder()
        self.get(engine, build, "both")
        assert not [command for command in engine.done if command[1] == "pull"]
        assert [command[0] for command in engine.done] == ["mmdebstrap", "docker"] * 2

    def test_stable_has_its_security_updates_from_the_start(self) -> None:
        engine = Recorder()
        self.get(engine, Build(registry=""), "both")
        assert any("trixie-security" in word for word in engine.done[2])
        assert not any("sid-security" in word for word in engine.done[0])
        assert any("Check-Valid-Until" in word for word in engine.done[0])
        assert not any("Check-Valid-Until" in word for word in engine.done[2])


ASSERT_FLOOR = recipes.STACK / "base" / "bin" / "assert-floor"


@pytest.mark.parametrize(
    ("installed", "floor", "passes"),
    [
        ("6.1.4-1", "6.1.4", True),
        ("6.1.5-1", "6.1.4", True),
        ("6.1.3-2", "6.1.4", False),
        ("1:22.10.1+dfsg+~cs6.17-1", "22.4.1", True),
        ("1:22.4.0~dfsg-1", "22.4.1", False),
        ("13.4.1.1-1", "13.4.1.1", True),
        ("13.4.1.0-9", "13.4.1.1", False),
        ("6.10.0-1", "6.9.9", True),
        ("6.1.4~rc1-1", "6.1.4", False),
    ],
)
def test_assert_floor(tmp_path: Path, installed: str, floor: str, passes: bool) -> None:
    query = tmp_path / "dpkg-query"
    query.write_text(f"#!/bin/sh\nprintf '%s' '{installed}'\n")
    query.chmod(0o755)
    done = subprocess.run(
        [str(ASSERT_FLOOR), "kamailio", floor, "why"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == passes
    assert passes or ("kamailio" in done.stderr and "why" in done.stderr)


def test_floors_are_asserted_by_name() -> None:
    floors = {
        "kamailio-packages": "assert-floor kamailio 6.1.4",
        "rtpengine": "assert-floor rtpengine-daemon 13.4.1.1",
        "asterisk": "assert-floor asterisk 22.4.1",
    }
    for component, words in floors.items():
        assert words in (recipes.STACK / component / "Dockerfile").read_text()


def test_old_images_go_and_the_newest_three_and_the_last_days_stay() -> None:
    removed: list[str] = []

    class Shelf(Recorder):
        def docker(self, *args: str, input: str | None = None, timeout: float = 60) -> str:
            if args[:2] == ("image", "rm"):
                removed.append(args[2])
                raise CommandFailed("in use")
            days = {"5": "9999-12-31", "4": "9999-12-30", "3": "9999-12-29", "x": "9999-12-28"}
            return "\n".join(
                f"{days.get(tag, '2026-01-01')} 00:00:00 +0000 UTC\tringwall/syslog:{tag}"
                for tag in "543x21"
            )

    images._forget_old(Shelf(), ["syslog"])
    assert removed == ["ringwall/syslog:2", "ringwall/syslog:1"]
