"""What is on record, as the tables have it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ringwall.checks.phone import wait_until
from ringwall.errors import BadInput

if TYPE_CHECKING:
    from tests.system.stack import Stack

Row = dict[str, str | None]
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\", "\\0": "\0"}


def rows(system: Stack, table: str, where: str) -> list[Row]:
    """Return rows of a table by a condition; values are text."""
    query = f"SELECT * FROM `{table}` WHERE {where}"  # noqa: S608 - see ``text``
    database = system.container("mariadb")
    said = system.engine.exec(
        database, "mariadb", "--batch", "kamailio", "-e", query, user="0", timeout=120
    )
    head, *lines = said.splitlines() or [""]
    names = head.split("\t")
    return [dict(zip(names, map(_value, line.split("\t")), strict=True)) for line in lines]


def text(value: str) -> str:
    """Write a value that may hold anything for a condition."""
    return f"CONVERT(X'{value.encode().hex()}' USING utf8mb4)"


def calls_of(system: Stack, caller: str) -> list[Row]:
    """Return the rows of ``cdrs`` of this caller."""
    return rows(system, "cdrs", f"caller = {text(caller)}")


def cdr(system: Stack, call_id: str, legs: int = 1, timeout: float = 10) -> dict[str, Any]:
    """Wait until so many legs of a call are on record; return the call as the API tells it."""
    found: dict[str, Any] = {}

    def recorded() -> bool:
        try:
            found.update(system.api.cdr(call_id))
        except BadInput:
            return False
        return len(found["legs"]) >= legs

    wait_until(recorded, timeout, f"{legs} legs of {call_id} on record", 0.1)
    assert len(found["legs"]) == legs, found
    return found


def _value(field: str) -> str | None:
    if field == "NULL":
        return None
    return re.sub(r"\\[nt0\\]", lambda found: _ESCAPES[found[0]], field)
