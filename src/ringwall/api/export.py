"""Calls on record as a stream of lines: one page of them is in memory, however many there are."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Literal

from ringwall.api.moments import written
from ringwall.store.cdrs import COLUMNS, Record

Format = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/x-ndjson",
}
# What a spreadsheet takes for a formula. A number as +4930123456 is none.
_FORMULA, _HARMLESS = re.compile(r"[=+\-@\t\r]"), re.compile(r"\+[0-9]+")


def stream(pages: Iterator[Sequence[Record]], form: Format) -> Iterator[bytes]:
    """Return the lines, a page at a time. The first page is read before this returns.

    So what is wrong with the database shows while there is still a status to tell it with.
    """
    write = _WRITERS[form]
    first = next(pages, None)
    head = [_csv([COLUMNS])] if form == "csv" else []
    return chain(head, map(write, chain([] if first is None else [first], pages)))


def cell(value: Any) -> str:  # noqa: ANN401 - whatever a row holds
    """Return a value as CSV has it; texts that a spreadsheet would run get an apostrophe.

    Callers choose what is in them: ``=HYPERLINK(…)`` is a valid name in SIP.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, list):
        value = " ".join(value)
    if isinstance(value, str) and _FORMULA.match(value) and not _HARMLESS.fullmatch(value):
        return f"'{value}"
    return str(value)


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _csv_page(page: Sequence[Record]) -> bytes:
    return _csv([record[column] for column in COLUMNS] for record in page)


def _jsonl_page(page: Sequence[Record]) -> bytes:
    lines = ({column: record[column] for column in COLUMNS} for record in page)
    return "".join(f"{json.dumps(line, default=written)}\n" for line in lines).encode()


_WRITERS: dict[Format, Callable[[Sequence[Record]], bytes]] = {
    "csv": _csv_page,
    "jsonl": _jsonl_page,
}
