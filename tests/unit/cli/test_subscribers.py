from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ringwall.cli import subscribers
from ringwall.cli.client import RowsRefused
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput

DOMAIN = "sip.example.com"
MADE = "aB3" * 7


class FakeApi:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.warnings: list[str] = []
        self.refusal: Exception | None = None

    def subscribers(self) -> list[dict[str, Any]]:
        states = {"1001": True, "alice": False, "bob": None}
        return [
            {
                "username": u,
                "domain": DOMAIN,
                "registered": r,
                "group": "app" if r else None,
                "locked_out": u == "bob",
            }
            for u, r in states.items()
        ]

    def add_subscriber(
        self, username: str, password: str | None, group: str | None
    ) -> dict[str, Any]:
        if group:
            self.asked.append(("group", username, group))
        return {**self._done("add", username, password), "pin": "123456"}

    def put_into_group(self, username: str, group: str | None) -> dict[str, Any]:
        return self._done("group", username, group or "none")

    def set_password(self, username: str, password: str | None) -> dict[str, Any]:
        return self._done("passwd", username, password)

    def unlock(self, username: str) -> dict[str, Any]:
        return self._done("unlock", username, "")

    def remove_subscriber(self, username: str) -> dict[str, Any]:
        return self._done("remove", username, "")

    def import_subscribers(self, rows: Sequence[tuple[str, str | None]]) -> dict[str, Any]:
        added = [
            {"username": u, "domain": DOMAIN, "password": None if p else MADE, "pin": None}
            for u, p in rows
        ]
        self._done("import", *rows)
        return {"subscribers": added, "warnings": self.warnings}

    def _done(self, *asked: object) -> dict[str, Any]:
        self.asked.append(asked)
        if self.refusal:
            raise self.refusal
        password = None if asked[-1] is not None else MADE
        name = asked[1]
        return {
            "username": name, "domain": DOMAIN, "password": password, "warnings": self.warnings,
        }  # fmt: skip


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    made = FakeApi()
    monkeypatch.setattr(subscribers, "client", lambda _context: made)
    return made


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(
        subscribers.subscribers_app, arguments, input=stdin, obj=Workspace(Path())
    )


def test_add_shows_the_made_password_once(api: FakeApi) -> None:
    result = run("add", "1001")
    assert result.exit_code == 0
    assert api.asked == [("add", "1001", None)]
    assert result.stdout.count(MADE) == 1
    assert "Mailbox PIN: 123456" in result.stdout


def test_add_takes_a_password_from_standard_input(api: FakeApi) -> None:
    result = run("add", "1001", "--password-stdin", stdin="correct horse \r\nmore\n")
    assert api.asked == [("add", "1001", "correct horse ")]
    assert "correct horse" not in result.output


def test_no_password_on_standard_input_is_bad_input(api: FakeApi) -> None:
    result = run("add", "1001", "--password-stdin", stdin="\n")
    assert isinstance(result.exception, BadInput)
    assert not api.asked


def test_json_for_machines(api: FakeApi) -> None:
    assert json.loads(run("add", "1001", "--json").stdout)["password"] == MADE
    assert len(json.loads(run("list", "--json").stdout)) == 3
    assert json.loads(run("remove", "1001", "--yes", "--json").stdout)["username"] == "1001"
    assert api.asked


@pytest.mark.usefixtures("api")
def test_list() -> None:
    lines = [line.split() for line in run("list").stdout.splitlines()]
    assert lines == [
        ["1001", "registered", "app"],
        ["alice", "-"],
        ["bob", "unknown", "locked", "out"],
    ]


def test_a_group_that_nobody_asks_for_is_told(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ringwall.yaml").write_text("security: {signature: {mode: hmac, groups: [app]}}")
    monkeypatch.chdir(tmp_path)
    assert run("add", "1001", "--group", "app").stderr == ""
    assert "does not name ap." in run("group", "1001", "ap").stderr
    assert "of no group now" in run("group", "1001").stdout
    asked = [one for one in api.asked if one[0] == "group"]
    assert asked == [("group", "1001", "app"), ("group", "1001", "ap"), ("group", "1001", "none")]


def test_passwd(api: FakeApi) -> None:
    assert MADE in run("passwd", "alice").stdout
    run("passwd", "alice", "--password-stdin", stdin="correct horse\n")
    assert api.asked == [("passwd", "alice", None), ("passwd", "alice", "correct horse")]


def test_unlock(api: FakeApi) -> None:
    assert "alice@sip.example.com is not locked out" in run("unlock", "alice").stdout
    assert api.asked == [("unlock", "alice", "")]


def test_remove_needs_a_word(api: FakeApi) -> None:
    result = run("remove", "alice", stdin="")
    assert isinstance(result.exception, BadInput)
    assert "--yes" in (result.exception.remedy or "")
    assert not api.asked
    assert run("remove", "alice", "--yes").exit_code == 0
    assert api.asked == [("remove", "alice", "")]


def test_warnings_go_to_standard_error(api: FakeApi) -> None:
    api.warnings = ["asterisk_2 did not reload"]
    result = run("add", "1001")
    assert result.exit_code == 0
    assert "Warning: asterisk_2 did not reload" in result.stderr


def csv_file(tmp_path: Path, content: str) -> str:
    path = tmp_path / "users.csv"
    path.write_text(content)
    return str(path)


def test_import_prints_made_passwords_as_csv(api: FakeApi, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "username,password\n1001,\nalice,correct horse\n")
    result = run("import", file)
    assert api.asked == [("import", ("1001", None), ("alice", "correct horse"))]
    assert result.stdout == f"username,password,pin\n1001,{MADE},\n"
    assert "Added 2 subscribers." in result.stderr


@pytest.mark.usefixtures("api")
def test_import_writes_made_passwords_to_a_private_file(tmp_path: Path) -> None:
    file, out = csv_file(tmp_path, "username\n1001\n"), tmp_path / "made.csv"
    result = run("import", file, "--out", str(out))
    assert MADE not in result.output
    assert MADE in out.read_text()
    assert out.stat().st_mode & 0o777 == 0o600


def test_import_never_overwrites(api: FakeApi, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "username\n1001\n")
    result = run("import", file, "--out", file)
    assert isinstance(result.exception, BadInput)
    assert not api.asked
    assert Path(file).read_text() == "username\n1001\n"


def test_faults_that_the_api_finds_have_lines_and_leave_no_file(
    api: FakeApi, tmp_path: Path
) -> None:
    api.refusal = RowsRefused("no", None, {2: "a subscriber alice exists"})
    file, out = csv_file(tmp_path, "username\n1001\n\nalice\n"), tmp_path / "made.csv"
    result = run("import", file, "--out", str(out))
    assert isinstance(result.exception, BadInput)
    assert str(result.exception) == f"{file}:4: a subscriber alice exists"
    assert not out.exists()
