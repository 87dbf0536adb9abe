"""What `ringwall audit` refuses before it touches anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ringwall.cli import audit as command
from ringwall.cli.main import app
from ringwall.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--target", "somewhere"], 2, "is no IPv4 address"),
        (["--only", "everything"], 2, "there is no such family or case"),
        (["--html", "nowhere/report.html"], 2, "there is no folder nowhere"),
        ([], 3, "nothing was ever started"),
        (["--target", "192.0.2.7"], 3, "nothing was ever started"),
    ],
)
def test_refusals(tmp_path: Path, options: list[str], status: int, words: str) -> None:
    done = CliRunner().invoke(app, ["-C", str(tmp_path), "audit", *options])
    assert done.exit_code == status
    assert words in done.stderr


def test_a_foreign_target_needs_a_word(tmp_path: Path) -> None:
    (tmp_path / "ringwall.yaml").write_text("sbc: {public_address: 198.51.100.7}\n")
    done = CliRunner().invoke(app, ["-C", str(tmp_path), "audit", "--target", "192.0.2.7"])
    assert done.exit_code == 2
    assert "none of our networks" in done.stderr
    assert "--force" in done.stderr


def test_families_and_cases_are_chosen() -> None:
    families = command._chosen(["media", "svmap"])
    assert [family.name for family in families] == ["media", "scanners"]
    assert [case.name for case in families[1].cases] == ["svmap"]
    with pytest.raises(BadInput):
        command._chosen(["svmap", "svmapp"])
