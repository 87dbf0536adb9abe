from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Table, create_engine, func, insert, select
from sqlalchemy.pool import StaticPool

from ringwall.config.records_model import MaxRowsOf, Records, Retention
from ringwall.config.types import Duration
from ringwall.store import retention, tables
from ringwall.store.database import Database

DAY = 86400


class Small(Database):
    """The same statements, in SQLite."""

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        tables.metadata.create_all(self.engine)
        self.transactions = 0

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        self.transactions += 1
        with self.engine.begin() as connection:
            yield connection

    def fill(self, table: Table, time: str, days: Sequence[float], **values: Any) -> None:
        """Put in a row for each of ``days``: its age."""
        now = datetime.now(UTC).replace(tzinfo=None)
        rows = [{time: now - timedelta(days=age), **values} for age in days]
        with self.engine.begin() as connection:
            start = connection.execute(select(func.max(table.c.id))).scalar() or 0
            numbered = [{"id": start + n, **row} for n, row in enumerate(rows, 1)]
            connection.execute(insert(table), numbered)

    def ids(self, table: Table) -> list[int]:
        with self.engine.begin() as connection:
            return list(connection.execute(select(table.c.id).order_by(table.c.id)).scalars())


@pytest.fixture
def small() -> Iterator[Small]:
    database = Small()
    yield database
    database.engine.dispose()


def kept(**changes: Any) -> Records:
    nothing: dict[str, Any] = dict.fromkeys(Retention.model_fields)
    ages = Retention(**{**nothing, **changes.pop("ages", {})})
    # Smaller than anybody may set them.
    rows = MaxRowsOf.model_construct(**{**nothing, **changes.pop("rows", {})})
    return Records.model_construct(
        **{"retention": ages, "max_rows": rows, "mask_numbers_after": None, **changes}
    )


def go_on() -> bool:
    return False


def test_old_rows_go_and_young_ones_stay(small: Small) -> None:
    small.fill(tables.cdrs, "ended_at", [401, 400.1, 399, 1])
    records = kept(ages={"cdrs": Duration(400 * DAY)})
    assert retention.sweep(small, records, go_on) == {"cdrs": 2}
    assert small.ids(tables.cdrs) == [3, 4]
    assert retention.sweep(small, records, go_on) == {}


def test_each_table_has_its_age(small: Small) -> None:
    for table, time in (
        (tables.cdrs, "ended_at"),
        (tables.cdr_legs, "ended_at"),
        (tables.acc, "time"),
        (tables.missed_calls, "time"),
        (tables.registration_events, "created_at"),
        (tables.verdicts, "at"),
    ):
        small.fill(table, time, [500, 100, 50, 10])
    assert retention.sweep(small, Records(), go_on) == {
        "cdrs": 1, "cdr_legs": 2, "acc": 1, "missed_calls": 2, "registration_events": 3,
        "verdicts": 3,
    }  # fmt: skip


def test_a_row_of_a_wrong_clock_does_not_keep_those_behind_it(small: Small) -> None:
    small.fill(tables.acc, "time", [500, -900, 500, 1])
    retention.sweep(small, kept(ages={"acc": Duration(400 * DAY)}), go_on)
    assert small.ids(tables.acc) == [2, 4]


def test_steps_are_small_and_the_end_is_not_looked_for(small: Small) -> None:
    small.fill(tables.cdrs, "ended_at", [500] * 2500 + [1] * 5000)
    assert retention.sweep(small, kept(ages={"cdrs": Duration(400 * DAY)}), go_on) == {"cdrs": 2500}
    assert small.transactions == 4


def test_stopping_is_heard_after_a_step(small: Small) -> None:
    small.fill(tables.cdrs, "ended_at", [500] * 2500)
    records = kept(ages={"cdrs": Duration(400 * DAY)})
    assert retention.sweep(small, records, lambda: True) == {"cdrs": 1000}


def test_above_the_number_the_oldest_go(small: Small) -> None:
    small.fill(tables.cdrs, "ended_at", [1] * 3210)
    assert retention.sweep(small, kept(rows={"cdrs": 1000}), go_on) == {"cdrs": 2210}
    assert small.ids(tables.cdrs) == list(range(2211, 3211))


def test_events_that_are_not_sent_yet_go_last(
    small: Small, caplog: pytest.LogCaptureFixture
) -> None:
    events = tables.registration_events
    small.fill(events, "created_at", [2] * 5, state="pending")
    small.fill(events, "created_at", [1] * 5, state="sent")
    retention.sweep(small, kept(rows={"registration_events": 7}), go_on)
    assert small.ids(events) == [1, 2, 3, 4, 5, 9, 10]
    assert not caplog.records
    retention.sweep(small, kept(rows={"registration_events": 4}), go_on)
    assert small.ids(events) == [2, 3, 4, 5]
    assert "1 rows were lost" in caplog.text


def test_counting_takes_steps(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_COUNT_STEP", 100)
    small.fill(tables.cdrs, "ended_at", [1] * 950)
    assert retention.sweep(small, kept(rows={"cdrs": 900}), go_on) == {"cdrs": 50}


def test_null_keeps_all(small: Small) -> None:
    small.fill(tables.cdrs, "ended_at", [5000])
    assert retention.sweep(small, kept(), go_on) == {}
