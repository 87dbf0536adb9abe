from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ringwall.api import export
from ringwall.store.cdrs import COLUMNS, Wanted
from ringwall.store.database import DatabaseAway

from .conftest import Control, record

CDRS = "/api/v1/cdrs"


def test_the_last_calls(control: Control) -> None:
    control.cdrs.records = [record(correlation_id="a"), record(correlation_id="b")]
    body = control.http.get(CDRS).json()
    assert [call["correlation_id"] for call in body] == ["a", "b"]
    assert body[0]["call_ids"] == ["a", "b-leg"]
    assert body[0]["invited_at"] == "2030-05-17T08:00:00.250Z"
    assert body[0]["ringing_at"] is None
    assert control.cdrs.asked == [(Wanted(), 50)]


def test_filters(control: Control) -> None:
    wanted = {
        "since": "2030-05-17T10:00:00+02:00", "until": "2030-05-18T00:00:00Z", "user": "1001",
        "number": "4930*", "node": "asterisk_1", "result": "busy", "limit": "7",
    }  # fmt: skip
    assert control.http.get(CDRS, params=wanted).status_code == 200
    since = datetime(2030, 5, 17, 8, tzinfo=UTC)
    until = datetime(2030, 5, 18, tzinfo=UTC)
    assert control.cdrs.asked == [(Wanted(since, until, "1001", "4930*", "asterisk_1", "busy"), 7)]


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ({"since": "yesterday"}, "since: 'yesterday' is no time"),
        ({"until": "2030-05-17T08:00:00"}, "has no zone"),
        ({"result": "good"}, "query.result"),
        ({"limit": "1001"}, "query.limit"),
        ({"limit": "0"}, "query.limit"),
    ],
)
def test_filters_that_cannot_be_right(control: Control, wanted: dict[str, str], fault: str) -> None:
    answer = control.http.get(CDRS, params=wanted)
    assert answer.status_code == 422
    assert fault in answer.json()["error"]


def test_one_with_its_legs(control: Control) -> None:
    control.cdrs.records = [record(correlation_id="a/b")]
    body = control.http.get(f"{CDRS}/call/a%2Fb").json()
    assert body["correlation_id"] == "a/b"
    assert body["legs"][0]["call_id"] == "a/b"
    assert control.http.get(f"{CDRS}/call/c").status_code == 404


def test_export_as_csv(control: Control) -> None:
    control.cdrs.records = [record(caller=f"{number}") for number in range(5)]
    answer = control.http.get(f"{CDRS}/export", params={"user": "1001"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["caller"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert rows[0]["call_ids"] == "first b-leg"
    assert rows[0]["invited_at"] == "2030-05-17T08:00:00.250Z"
    assert (rows[0]["ringing_at"], rows[0]["srtp"], rows[0]["mos_average"]) == ("", "true", "4.3")
    assert control.cdrs.asked == [(Wanted(user="1001"), 0)]


def test_export_as_json_lines(control: Control) -> None:
    control.cdrs.records = [record(caller="=1+1"), record(caller="Zoë")]
    answer = control.http.get(f"{CDRS}/export", params={"format": "jsonl"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    first, second = map(json.loads, answer.text.splitlines())
    assert list(first) == list(COLUMNS)
    assert (first["caller"], second["caller"]) == ("=1+1", "Zoë")
    assert first["ended_at"] == "2030-05-17T08:00:10.000Z"


def test_an_empty_export_has_its_head(control: Control) -> None:
    assert control.http.get(f"{CDRS}/export").text == ",".join(COLUMNS) + "\n"
    assert control.http.get(f"{CDRS}/export", params={"format": "jsonl"}).text == ""


def test_a_database_that_is_away_shows_before_the_export_begins(control: Control) -> None:
    control.database.away = True
    assert control.http.get(f"{CDRS}/export").status_code == 503


def test_one_page_is_read_at_a_time() -> None:
    read: list[int] = []

    def pages() -> Any:
        for number in range(3):
            read.append(number)
            yield [record()]
        raise DatabaseAway("gone")

    lines = export.stream(pages(), "jsonl")
    assert read == [0]
    next(lines)
    next(lines)
    assert read == [0, 1]
    next(lines)
    with pytest.raises(DatabaseAway):
        next(lines)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+1", "'+1+1"),
        ("-2", "'-2"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("+4930123456", "+4930123456"),
        ("1=1", "1=1"),
        ("", ""),
        (-3, "-3"),
        (None, ""),
        (False, "false"),
        (["=a", "b"], "'=a b"),
    ],
)
def test_no_cell_is_a_formula(value: object, text: str) -> None:
    assert export.cell(value) == text
