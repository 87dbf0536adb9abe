from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from ringwall.cli.main import app
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


def init(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["-C", str(root), "init", *arguments])


def test_it_writes_the_defaults_and_says_what_is_next(tmp_path: Path) -> None:
    result = init(tmp_path)
    assert result.exit_code == 0
    assert "ringwall check" in result.stdout
    assert "ringwall up" in result.stdout
    assert Workspace(tmp_path).load_settings() == Settings()


def test_domains(tmp_path: Path) -> None:
    assert init(tmp_path, "--domain", "Sip.Example.org", "--domain", "b.example").exit_code == 0
    assert Workspace(tmp_path).load_settings().sbc.domains == ("sip.example.org", "b.example")


@pytest.mark.parametrize("domain", ["sip:a.example", "a.example:5060", "10.5.0.300", "a b", ""])
def test_a_bad_domain_writes_nothing(tmp_path: Path, domain: str) -> None:
    result = init(tmp_path, "--domain", domain)
    assert result.exit_code == 2
    assert result.stderr.startswith("--domain: ")
    assert "Remedy: write" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_does_not_overwrite_unless_forced(tmp_path: Path) -> None:
    file = tmp_path / "ringwall.yaml"
    file.write_text("mine")
    result = init(tmp_path)
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert "--force" in result.stderr
    assert file.read_text() == "mine"
    assert init(tmp_path, "--force").exit_code == 0
    assert Workspace(tmp_path).load_settings() == Settings()


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ringwall.yaml").mkdir()
    result = init(tmp_path, "--force")
    assert result.exit_code == 1
    assert "cannot be written: Is a directory" in result.stderr
