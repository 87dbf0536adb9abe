"""Tables on a terminal, of texts that strangers chose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines with columns; nothing in them can steer the terminal."""
    safe = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in safe)


def plain(text: str) -> str:
    """Return the text with whatever cannot be printed as its escape sequence."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def moment(text: str | None) -> str:
    """Return a time of the API in UTC, to the second; "-" where there is none."""
    if text is None:
        return "-"
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def span(seconds: float) -> str:
    """Return a time as hours, minutes and seconds, as ``1:02:03`` or ``0:09``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
