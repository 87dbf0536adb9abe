from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from ringwall import __version__
from ringwall.cli import main
from ringwall.errors import BadInput, NotRunning, RingwallError

if TYPE_CHECKING:
    from pathlib import Path


def run(command: object) -> tuple[int, str, str]:
    """Run the real application with one more command, which does what the test asks."""
    app = typer.Typer(cls=main.app.info.cls, callback=lambda: None)

    @app.command()
    def act() -> None:
        if isinstance(command, BaseException):
            raise command

    result = CliRunner().invoke(app, ["act"], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (RingwallError("It broke", "mend it"), 1, "It broke\nRemedy: mend it\n"),
        (RingwallError("It broke"), 1, "It broke\n"),
        (BadInput("No such user", "add it"), 2, "No such user\nRemedy: add it\n"),
        (NotRunning("Nothing runs", "ringwall up"), 3, "Nothing runs\nRemedy: ringwall up\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (None, 0, ""),
    ],
)
def test_errors_become_messages_and_exit_statuses(error: object, status: int, told: str) -> None:
    assert run(error) == (status, "", told)


def test_causes_are_told_as_a_chain() -> None:
    error = RingwallError("No call", "look at the log")
    error.__cause__ = RingwallError("No answer")
    error.__cause__.__cause__ = OSError("a detail for developers")
    assert run(error)[2] == "No call\n  because No answer\nRemedy: look at the log\n"


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run(ZeroDivisionError())


def test_version() -> None:
    result = CliRunner().invoke(main.app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"ringwall {__version__}\n")


@pytest.mark.parametrize("arguments", [["nonsense"], ["check", "--nonsense"], ["-C"]])
def test_wrong_usage_is_bad_input(arguments: list[str]) -> None:
    assert CliRunner().invoke(main.app, arguments).exit_code == 2


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(main.app, ["-C", str(tmp_path / "nope"), "check"])
    assert result.exit_code == 2
    assert "nope is no directory" in result.stderr


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "ringwall.yaml").touch()
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        result = subprocess.run(
            [sys.executable, "-m", "ringwall.cli.main", "-C", str(tmp_path), "check"],
            stdout=gone,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    assert result.stderr == b""
