from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

import pytest
import typer
from typer.testing import CliRunner, Result

from ringwall.cli import block
from ringwall.cli.client import RowsRefused
from ringwall.errors import BadInput

ROW = {
    "target": "198.51.100.0/24", "action": "block", "comment": "\x1b[31mred",
    "since": None, "until": "2130-05-17T08:02:00Z",
}  # fmt: skip


class FakeApi:
    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.warnings: list[str] = []
        self.well = True
        self.faults: dict[int, str] = {}

    def blocks(self, address: str | None) -> dict[str, Any]:
        self.asked.append(address)
        return {"blocks": [ROW], "enabled": self.well, "kernel": self.well}

    def put_block(self, *arguments: object) -> dict[str, Any]:
        self.asked.append(arguments)
        return ROW | {"warnings": self.warnings}

    def remove_block(self, target: str) -> dict[str, Any]:
        return {"target": target, "warnings": self.warnings}

    def import_blocks(self, lines: IO[bytes], *rest: object) -> dict[str, Any]:
        if self.faults:
            raise RowsRefused("2 of the rows are wrong", "correct them", self.faults)
        self.asked.append((lines.read(), *rest))
        return {"added": 2, "removed": 1, "allowed": 1, "entries": 7, "warnings": self.warnings}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    made = FakeApi()
    monkeypatch.setattr(block, "client", lambda _context: made)
    return made


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(block.block_app, name="block")
    return CliRunner().invoke(app, ["block", *arguments])


def test_a_network_is_blocked_or_allowed(api: FakeApi) -> None:
    said = run("add", "198.51.100.0/24", "--comment", "scans", "--for", "30d")
    assert "198.51.100.0/24 is blocked until 2130-05-17 08:02:00 UTC." in said.stdout
    assert "is allowed" in run("allow", "198.51.100.0/24").stdout
    assert api.asked == [
        ("198.51.100.0/24", "block", "scans", 30 * 86400),
        ("198.51.100.0/24", "allow", "", None),
    ]
    api.warnings = ["the kernel does not know of it yet"]
    assert "Warning: the kernel" in run("add", "192.0.2.1").output
    assert json.loads(run("add", "192.0.2.1", "--json").stdout)["warnings"] == api.warnings
    assert isinstance(run("add", "192.0.2.1", "--for", "long").exception, BadInput)


def test_an_entry_is_removed(api: FakeApi) -> None:
    assert "192.0.2.1 is off the list." in run("remove", "192.0.2.1").stdout
    api.warnings = ["Kamailio does not know of it yet"]
    assert "Warning: Kamailio" in run("remove", "192.0.2.1").output


def test_the_list_cannot_steer_the_terminal(api: FakeApi) -> None:
    said = run("list", "198.51.100.7")
    assert api.asked == ["198.51.100.7"]
    assert "198.51.100.0/24" in said.stdout
    assert "\x1b" not in said.stdout
    assert json.loads(run("list", "--json").stdout)["blocks"] == [ROW]
    api.well = False
    told = run("list").output
    assert "security.blocklist.enabled" in told
    assert "docker logs fail2ban" in told


def test_a_file_is_sent_as_it_is(api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "feed.txt"
    file.write_bytes(b"192.0.2.1\n")
    said = run("import", str(file), "--replace", "--for", "1d")
    assert api.asked == [(b"192.0.2.1\n", True, 86400)]
    assert (
        "Added 2, removed 1; 7 are on the list. 1 of the file are on the allowlist" in said.stdout
    )


def test_faults_are_told_by_file_and_line(api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "feed.txt"
    file.write_bytes(b"nobody\n\nnothing\n")
    api.faults = {3: "'nothing' is no address", 1: "'nobody' is no address"}
    error = run("import", str(file)).exception
    assert isinstance(error, BadInput)
    assert str(error).splitlines() == [
        f"{file}:1: 'nobody' is no address",
        f"{file}:3: 'nothing' is no address",
    ]
    missing = run("import", str(tmp_path / "none.txt")).exception
    assert isinstance(missing, BadInput)
    assert "none.txt" in str(missing)


def test_a_file_that_is_too_large_is_not_sent(api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "feed.txt"
    file.write_bytes(b"#" * (10 * 1024 * 1024 + 1))
    assert isinstance(run("import", str(file)).exception, BadInput)
    assert api.asked == []
