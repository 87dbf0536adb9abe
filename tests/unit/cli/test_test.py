"""``ringwall test``: what should have run and did not is a failure."""

from pathlib import Path

import pytest

from ringwall.cli import test as command
from ringwall.cli.test import Kind, Outcome
from ringwall.errors import BadInput, RingwallError


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for kind in ("unit", "attack"):
        (tmp_path / "tests" / kind).mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\nmarkers = ['long']\n")
    return tmp_path


@pytest.mark.parametrize(
    ("status", "tests", "bad", "selected", "allow_skips", "passed"),
    [
        (0, 2, {}, False, False, True),
        (1, 2, {"failures": 1}, False, False, False),
        (2, 1, {"errors": 1}, False, False, False),
        (0, 2, {"skipped": 1}, False, False, False),
        (0, 2, {"skipped": 1}, False, True, True),
        (0, 2, {"skipped": 2}, False, True, False),
        (5, 0, {}, False, False, False),
        (5, 0, {}, True, False, True),
        (3, 0, {}, True, False, False),
    ],
)
def test_what_passes(
    status: int,
    tests: int,
    bad: dict[str, int],
    selected: bool,
    allow_skips: bool,
    passed: bool,
) -> None:
    counts = {"tests": tests, "failures": 0, "errors": 0, "skipped": 0, **bad}
    assert command._passed(status, counts, selected, allow_skips) == passed


@pytest.mark.parametrize(
    ("long", "words"), [(False, "1 ran, 1 skipped"), (True, "2 ran, 1 skipped")]
)
def test_what_pytest_says_is_counted(
    clone: Path, long: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Plugins are of no interest here, and most of the time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (clone / "tests" / "attack" / "test_it.py").write_text(
        "import pytest\n"
        "def test_a(): pass\n"
        "def test_b(): pytest.skip('no engine')\n"
        "@pytest.mark.long\ndef test_c(): pass\n"
    )
    outcome = command._pytest(clone, Kind.ATTACK, command.Asked(long, "", False), {})
    assert (outcome.passed, outcome.words) == (False, words)


def test_kinds_that_must_be_there_are_asked_for_even_when_they_are_not(clone: Path) -> None:
    assert command._kinds(clone, []) == [
        Kind.STATIC, Kind.UNIT, Kind.GOLDEN, Kind.SYSTEM, Kind.ATTACK,
    ]  # fmt: skip
    assert command._kinds(clone, [Kind.ATTACK]) == [Kind.ATTACK]
    with pytest.raises(BadInput, match="chaos"):
        command._kinds(clone, [Kind.CHAOS])


def test_the_running_system_is_handed_over_only_where_both_use_it() -> None:
    both = [Kind.UNIT, Kind.SYSTEM, Kind.ATTACK]
    assert command._handing_over(Kind.SYSTEM, both) == {"RINGWALL_TEST_LEAVE": "1"}
    assert command._handing_over(Kind.ATTACK, both) == {"RINGWALL_TEST_TAKE": "1"}
    assert command._handing_over(Kind.UNIT, both) == {}
    assert command._handing_over(Kind.ATTACK, [Kind.ATTACK]) == {}


def test_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [Outcome("mypy", 1.25, "", True), Outcome("unit", 0.5, "1 ran", False)]
    with pytest.raises(RingwallError, match="1 of 2 failed: unit"):
        command._conclude(outcomes)
    shown = capsys.readouterr().out.split("\n")
    assert shown[1].split() == ["ok", "mypy", "1.2", "s"]
    assert shown[2].split() == ["FAILED", "unit", "0.5", "s", "1", "ran"]


def test_a_match_that_nothing_has() -> None:
    with pytest.raises(RingwallError, match="no test matches"):
        command._conclude([Outcome("unit", 0.1, "0 ran", True, ran=0)])


def test_shell_scripts_are_found_by_their_first_line(clone: Path) -> None:
    folder = clone / "src" / "bin"
    folder.mkdir(parents=True)
    lines = {"a": "#!/bin/sh", "b": "#!/usr/bin/env bash", "c": "#!/usr/bin/python3", "d": "x"}
    for name, line in lines.items():
        (folder / name).write_text(f"{line}\n")
    (clone / "ringwall").write_text("#!/bin/sh\n")
    assert [path.name for path in command._scripts(clone)] == ["ringwall", "a", "b"]
