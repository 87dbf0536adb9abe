from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ringwall.api.moments import moment, written
from ringwall.errors import BadInput

NOW = datetime(2030, 5, 17, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("1d", NOW - timedelta(days=1)),
        ("90s", NOW - timedelta(seconds=90)),
        ("2030-05-17T08:00:00Z", NOW),
        ("2030-05-17T10:00:00.5+02:00", NOW + timedelta(seconds=0.5)),
        ("2030-05-17 08:00:00+00:00", NOW),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert moment(text, "since", NOW) == expected


def test_none_is_none() -> None:
    assert moment(None, "since") is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is no time"),
        ("2", "is no time"),
        ("-2h", "is no time"),
        ("2030-13-01T00:00:00Z", "is no time"),
        ("0001-01-01T00:00:00+14:00", "is no time"),
        ("2030-05-17", "has no zone"),
        ("2030-05-17T08:00:00", "has no zone"),
    ],
)
def test_what_is_no_moment(text: str, fault: str) -> None:
    with pytest.raises(BadInput, match=fault) as caught:
        moment(text, "since", NOW)
    assert str(caught.value).startswith("since: ")
    assert "2h" in (caught.value.remedy or "")


def test_written_in_utc_with_milliseconds() -> None:
    assert written(datetime.fromisoformat("2030-05-17T10:00:00.1239+02:00")) == (
        "2030-05-17T08:00:00.123Z"
    )
