from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import DataError
from tests.unit.telemetry.lines import coded, leg_line, registration_line, verdict_line
from tests.unit.telemetry.lines import leg as leg_event

from ringwall.api import recorder as module
from ringwall.api.recorder import Recorder
from ringwall.api.rows import leg_row
from ringwall.store import kept_dialogs, records, verdicts
from ringwall.store.calls import LegRow
from ringwall.store.database import Database, DatabaseAway
from ringwall.store.records import RegistrationRow, Written
from ringwall.telemetry.rejects import FILE_NAME, Rejects
from ringwall.telemetry.spool import Spool


@dataclass
class FakeDatabase(Database):
    """Takes legs by their key and registrations by their id, a transaction at a time."""

    away: bool = False
    dies_before_commit: bool = False
    dies_after_commit: bool = False
    poison: str = "poison"
    legs: dict[tuple[str, ...], LegRow] = field(default_factory=dict)
    registrations: dict[str, RegistrationRow] = field(default_factory=dict)
    refusals: dict[str, dict[str, Any]] = field(default_factory=dict)
    transactions: int = 0

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        if self.away:
            raise DatabaseAway("MariaDB at 10.5.0.3:3306: refused")
        before = dict(self.legs), dict(self.registrations)
        try:
            yield cast("Connection", self)
            self._end(self.dies_before_commit)
        except BaseException:
            self.legs, self.registrations = before
            raise
        self.transactions += 1
        self._end(self.dies_after_commit)

    def _end(self, dies: bool) -> None:
        if dies:
            raise DatabaseAway("MariaDB at 10.5.0.3:3306: gone")

    def close(self) -> None:
        pass

    def write(self, legs: Sequence[LegRow], registrations: Sequence[RegistrationRow]) -> Written:
        if any(leg.caller == self.poison for leg in legs):
            raise DataError("INSERT", {}, Exception(1406, "Data too long"))
        new = [leg for leg in legs if leg.key not in self.legs]
        self.legs |= {leg.key: leg for leg in legs}
        self.registrations |= {each.event_id: each for each in registrations}
        return Written(len(new), len(legs), ())


@dataclass
class Desk:
    """A recorder, and what it works with."""

    database: FakeDatabase
    spool: Spool
    recorder: Recorder
    folder: Path
    woken: list[int]

    @property
    def rejected(self) -> list[str]:
        path = self.folder / FILE_NAME
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(autouse=True)
def _write(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(
        connection: Any,
        legs: Sequence[LegRow],
        registrations: Sequence[RegistrationRow],
        now: datetime,
    ) -> Written:
        return cast("FakeDatabase", connection).write(legs, registrations)

    monkeypatch.setattr(records, "write", write)

    def write_verdicts(connection: Any, rows: Sequence[dict[str, Any]]) -> None:
        cast("FakeDatabase", connection).refusals |= {row["event_id"]: row for row in rows}

    monkeypatch.setattr(kept_dialogs, "write", lambda *_: None)
    monkeypatch.setattr(verdicts, "write", write_verdicts)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database, spool, woken = FakeDatabase(), Spool(tmp_path, 10_000_000), [0]

    def wake() -> None:
        woken[0] += 1

    recorder = Recorder(spool, Rejects(tmp_path), database, wake)
    yield Desk(database, spool, recorder, tmp_path, woken)
    recorder.close()


def leg(name: str, **changes: Any) -> bytes:
    return leg_line(correlation=coded(name), call_id=coded(name), **changes)


def test_events_get_into_the_tables(desk: Desk) -> None:
    desk.spool.append([leg("a"), registration_line(), leg("b")])
    assert desk.recorder.step()
    assert not desk.recorder.step()
    assert {key[0] for key in desk.database.legs} == {"a", "b"}
    (row,) = desk.database.registrations.values()
    assert (row.user, row.state) == ("1001", "pending")
    counts = desk.recorder.counts
    assert (counts.events, counts.legs, counts.registrations) == (3, 2, 1)
    assert desk.woken == [1]
    assert desk.database.transactions == 1


def test_refusals_get_there_in_the_same_transaction_and_once(desk: Desk) -> None:
    desk.spool.append([leg("a"), verdict_line(), verdict_line(), verdict_line(window="7")])
    assert desk.recorder.step()
    assert [row["reason"] for row in desk.database.refusals.values()] == ["no-dialog"] * 2
    assert desk.database.transactions == 1


def test_a_leg_becomes_its_row() -> None:
    row = leg_row(leg_event(media={"mos_average": "4.3"}, ringing="1795399477610"))
    assert (row.caller, row.callee, row.to_tag) == ("1001", "600", "t1")
    assert f"{row.invited_at} {row.ringing_at}" == (
        "2026-11-23 02:04:37.605000 2026-11-23 02:04:37.610000"
    )
    assert (row.mos_average, row.loss) == (4.3, None)


def test_the_to_tag_of_a_leg_that_nobody_answered_is_left_out() -> None:
    assert leg_row(leg_event(answered="", code="486")).to_tag == ""


def test_without_an_application_registrations_wait_for_nobody(tmp_path: Path) -> None:
    database = FakeDatabase()
    recorder = Recorder(spool := Spool(tmp_path, 10_000), Rejects(tmp_path), database)
    spool.append([registration_line()])
    recorder.step()
    assert [row.state for row in database.registrations.values()] == ["none"]
    recorder.close()


def test_while_mariadb_is_away_events_wait(desk: Desk) -> None:
    desk.spool.append([leg("a")])
    desk.database.away = True
    for _ in range(3):
        with pytest.raises(DatabaseAway):
            desk.recorder.step()
    desk.database.away = False
    assert desk.recorder.step()
    assert len(desk.database.legs) == 1
    assert desk.rejected == []


@pytest.mark.parametrize("when", ["dies_before_commit", "dies_after_commit"])
def test_a_connection_that_dies_makes_the_batch_come_again(desk: Desk, when: str) -> None:
    desk.spool.append([leg("a"), leg("b")])
    setattr(desk.database, when, True)
    with pytest.raises(DatabaseAway):
        desk.recorder.step()
    setattr(desk.database, when, False)
    assert desk.recorder.step()
    assert len(desk.database.legs) == 2
    assert desk.rejected == []


def test_lines_that_are_no_events_hold_up_nobody(desk: Desk) -> None:
    desk.spool.append([leg("a"), b"{", leg("b", direction="up"), leg("c")])
    assert desk.recorder.step()
    assert {key[0] for key in desk.database.legs} == {"a", "c"}
    assert len(desk.rejected) == 2


def test_what_no_table_takes_holds_up_nobody(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    lines = [leg(f"call-{number}") for number in range(10)]
    lines[4] = leg("bad", caller=coded("poison"))
    desk.spool.append(lines)
    with caplog.at_level(logging.WARNING):
        assert desk.recorder.step()
    assert len(desk.database.legs) == 9
    (rejected,) = desk.rejected
    assert "1406" in rejected
    assert not desk.recorder.step()


def test_mariadb_going_away_amid_the_search_for_poison_loses_nothing(desk: Desk) -> None:
    desk.spool.append([leg("a"), leg("bad", caller=coded("poison")), leg("c")])
    desk.database.dies_after_commit = True
    with pytest.raises(DatabaseAway):
        desk.recorder.step()
    desk.database.dies_after_commit = False
    desk.recorder.step()
    assert {key[0] for key in desk.database.legs} == {"a", "c"}


def test_it_runs_on_through_everything(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_SECONDS", 0.001)
    desk.database.away = True
    stop, seen = Flag(), Flag()
    thread = Thread(target=desk.recorder.run, args=(stop,))
    thread.start()
    desk.spool.append([leg("a")])
    for _ in range(1000):
        if desk.recorder.counts.failures >= 2:
            break
        seen.wait(0.01)
    desk.database.away = False
    for _ in range(1000):
        if desk.database.legs:
            break
        seen.wait(0.01)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert len(desk.database.legs) == 1


@settings(max_examples=40, deadline=None)
@given(
    faults=st.lists(
        st.sampled_from(["away", "dies_before_commit", "dies_after_commit", "crash", "none"]),
        max_size=12,
    )
)
def test_whatever_dies_every_event_is_there_once(
    faults: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, database = tmp_path_factory.mktemp("spool"), FakeDatabase()
    recorder = Recorder(spool := Spool(folder, 10_000_000), Rejects(folder), database)
    for number, fault in enumerate([*faults, "none"]):
        spool.append([leg(f"c{number}"), registration_line(at=str(1795399477595 + number))])
        if fault == "crash":  # after the commit, before the position
            batch = spool.read(500)
            assert batch is not None
            recorder._write_batch(batch)
            recorder.close()
            recorder = Recorder(spool := Spool(folder, 10_000_000), Rejects(folder), database)
            continue
        if fault != "none":
            setattr(database, fault, True)
        try:
            recorder.step()
        except DatabaseAway:
            setattr(database, fault, False)
    while recorder.step():
        pass
    recorder.close()
    assert len(database.legs) == len(database.registrations) == len(faults) + 1
    assert not (folder / FILE_NAME).exists()
