"""Reading a CSV file of subscribers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ringwall.errors import BadInput
from ringwall.security import accounts

MAX_ROWS = 100_000
_COLUMNS = {"username", "password"}


@dataclass(frozen=True, slots=True)
class Row:
    """A subscriber as the file has it; an empty password asks for a made one."""

    line: int
    username: str
    password: str | None


class FileErrors(BadInput):
    """The file cannot be used; the message has every fault with its line."""

    def __init__(self, path: Path, faults: Iterable[tuple[int, str]]) -> None:
        lines = [f"{path}:{line}: {fault}" for line, fault in sorted(faults)]
        super().__init__("\n".join(lines), "correct the file; nothing was imported")


def read(path: Path) -> list[Row]:
    """Read a CSV file (UTF-8, comma, header ``username,password``; password may lack).

    Raises ``FileErrors`` with every fault that the file itself shows.
    """
    reader = csv.DictReader(io.StringIO(_text(path)), strict=True, skipinitialspace=True)
    try:
        _check_header(path, reader.fieldnames)
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise FileErrors(path, [(reader.reader.line_num, str(error))]) from error
    if not lines:
        raise FileErrors(path, [(2, "there is no subscriber in it")])
    if len(lines) > MAX_ROWS:
        raise FileErrors(path, [(MAX_ROWS + 2, f"more than {MAX_ROWS} rows: split the file")])
    faults = list(_faults(lines))
    if faults:
        raise FileErrors(path, faults)
    return [Row(line, row["username"], row.get("password") or None) for line, row in lines]


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})", "name a CSV file") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8", "save it as UTF-8") from error


def _check_header(path: Path, names: Iterable[str] | None) -> None:
    found = list(names or [])
    if "username" not in found or not set(found) <= _COLUMNS or len(set(found)) != len(found):
        raise FileErrors(
            path, [(1, f"the header is {','.join(found)!r}; it has to be 'username,password'")]
        )


def _faults(lines: Iterable[tuple[int, dict[str, str]]]) -> Iterator[tuple[int, str]]:
    for line, row in lines:
        username, password = row["username"] or "", row.get("password")
        fault = accounts.username_fault(username)
        if None in row:
            fault = "there are more fields than the header names"
        elif fault is None and password:
            fault = accounts.password_fault(username, password)
        if fault:
            yield line, fault
