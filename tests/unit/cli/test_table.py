from __future__ import annotations

import pytest

from ringwall.cli.table import moment, plain, span, table


def test_columns() -> None:
    assert table([("a", "b", "c"), ("1234", "", "x")]) == "a     b  c\n1234     x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1001", "1001"),
        ("Zoë ☎", "Zoë ☎"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r\t", "a\\nb\\r\\t"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}1", "\\u202e1"),
        ("\x9b", "\\x9b"),
    ],
)
def test_nothing_steers_the_terminal(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert table([(text,)]) == shown


def test_times() -> None:
    assert moment(None) == "-"
    assert moment("2030-05-17T10:00:00.250+02:00") == "2030-05-17 08:00:00"
    assert [span(s) for s in (0, 9.9, 61, 3600, 90061)] == [
        "0:00", "0:09", "1:01", "1:00:00", "25:01:01",
    ]  # fmt: skip
