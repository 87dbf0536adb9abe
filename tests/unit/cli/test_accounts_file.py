from __future__ import annotations

from pathlib import Path

import pytest

from ringwall.cli import accounts_file
from ringwall.cli.accounts_file import Row
from ringwall.errors import BadInput


def read(tmp_path: Path, content: str | bytes) -> list[Row]:
    path = tmp_path / "users.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return accounts_file.read(path)


def faults(tmp_path: Path, content: str | bytes) -> list[str]:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, content)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


def test_rows_with_and_without_passwords(tmp_path: Path) -> None:
    content = 'username,password\n1001,correct horse\n"alice",\n\nbob,"with, comma ""and"" more"\n'
    assert read(tmp_path, content) == [
        Row(2, "1001", "correct horse"),
        Row(3, "alice", None),
        Row(5, "bob", 'with, comma "and" more'),
    ]


def test_spreadsheets_write_a_mark_and_other_line_ends(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfpassword,username\r\ncorrect horse,1001\r\n") == [
        Row(2, "1001", "correct horse")
    ]


def test_passwords_may_lack_altogether(tmp_path: Path) -> None:
    assert read(tmp_path, "username\n1001\n") == [Row(2, "1001", None)]


def test_all_faults_come_at_once_with_their_lines(tmp_path: Path) -> None:
    content = "username,password\na b,\n1001,correct horse,more\nok,kurz\n,\n600,\n"
    found = faults(tmp_path, content)
    assert [line.split(": ")[0] for line in found] == [f"users.csv:{n}" for n in (2, 3, 4, 5, 6)]
    assert "more fields" in found[1]
    assert "8 to 128" in found[2]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "users.csv:1: the header is ''"),
        ("1001,correct horse\n", "users.csv:1: the header is '1001,correct horse'"),
        ("username,password,email\n", "users.csv:1: the header is"),
        ("username,username\n", "users.csv:1: the header is"),
        ("username,password\n", "users.csv:2: there is no subscriber"),
        ('username,password\n"1001,x\n', "users.csv:2: "),
        (b"username,password\n\xff,\n", "users.csv: is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: str | bytes, fault: str) -> None:
    assert faults(tmp_path, content)[0].startswith(fault)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nix\.csv: cannot be read"):
        accounts_file.read(tmp_path / "nix.csv")


def test_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_file, "MAX_ROWS", 2)
    assert "more than 2 rows" in faults(tmp_path, "username\na\nb\nc\n")[0]
