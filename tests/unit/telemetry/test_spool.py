from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterator
from io import FileIO
from itertools import chain, pairwise
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringwall.errors import RingwallError
from ringwall.telemetry import spool as module
from ringwall.telemetry.spool import Spool, SpoolFull

MANY = 10_000_000


class Spools:
    """Opens spools and closes them in the end, also those whose process "crashed"."""

    def __init__(self) -> None:
        self._opened: list[Spool] = []

    def __call__(self, folder: Path, max_bytes: int = MANY, segment_bytes: int = 1000) -> Spool:
        self._opened.append(Spool(folder, max_bytes, segment_bytes))
        return self._opened[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for spool in self._opened:
            spool.close()


@pytest.fixture
def opened() -> Iterator[Spools]:
    with Spools() as spools:
        yield spools


def drained(spool: Spool, limit: int = 3) -> list[bytes]:
    """Read all there is, as the recorder does."""
    lines: list[bytes] = []
    while (batch := spool.read(limit)) is not None:
        lines += batch.lines
        spool.advance(batch.end)
    return lines


def events(first: int, last: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in range(first, last)]


def test_what_goes_in_comes_out_in_order(tmp_path: Path, opened: Spools) -> None:
    spool = opened(tmp_path)
    spool.append(events(0, 4))
    spool.append(events(4, 10))
    assert drained(spool) == events(0, 10)
    assert drained(spool) == []


def test_what_is_not_done_with_comes_again(tmp_path: Path, opened: Spools) -> None:
    spool = opened(tmp_path)
    spool.append(events(0, 4))
    first, again = spool.read(2), spool.read(2)
    assert first == again
    assert first is not None
    spool.advance(first.end)
    assert drained(opened(tmp_path)) == events(2, 4)


def test_segments_that_are_done_with_are_removed(tmp_path: Path, opened: Spools) -> None:
    spool = opened(tmp_path, segment_bytes=100)
    for number in range(50):
        spool.append(events(number, number + 1))
    assert len(list(tmp_path.glob("*.log"))) > 5
    assert drained(spool) == events(0, 50)
    assert len(list(tmp_path.glob("*.log"))) == 1
    assert spool.waiting_bytes == 0


def test_a_full_spool_takes_nothing_and_says_so_once(
    tmp_path: Path, opened: Spools, caplog: pytest.LogCaptureFixture
) -> None:
    spool = opened(tmp_path, 100)
    spool.append(events(0, 4))
    for _ in range(3):
        with pytest.raises(SpoolFull, match="used up"):
            spool.append(events(4, 8))
    assert spool.refused == 12
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert drained(spool) == events(0, 4)


def test_there_is_room_again_when_events_are_done_with(tmp_path: Path, opened: Spools) -> None:
    spool = opened(tmp_path, 200, segment_bytes=40)
    for number in range(100):
        spool.append(events(number, number + 1))
        assert drained(spool) == events(number, number + 1)


@pytest.mark.parametrize("fails", ["write", "fsync"])
def test_a_disk_that_is_full_takes_nothing_and_tears_nothing(
    tmp_path: Path, opened: Spools, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    spool = opened(tmp_path)
    spool.append(events(0, 2))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if fails == "fsync":
            patch.setattr(os, "fsync", full)
        else:
            spool._file.close()
            spool._file = FullDisk(spool._file.name, "ab")
        with pytest.raises(SpoolFull, match="No space left"):
            spool.append(events(2, 4))
    spool.append(events(4, 6))
    assert drained(spool) == [*events(0, 2), *events(4, 6)]
    assert drained(opened(tmp_path)) == []


class FullDisk(FileIO):
    """A file on a disk that fills up in the middle of a record."""

    room = 20

    def write(self, data: Any, /) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        part, self.room = memoryview(data)[: self.room], 0
        return super().write(part)


@settings(max_examples=60, deadline=None)
@given(
    batches=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    torn=st.integers(1, 60),
    garbage=st.binary(max_size=20),
)
def test_a_crash_in_the_middle_of_a_write_loses_only_what_was_not_acknowledged(
    batches: list[int], torn: int, garbage: bytes
) -> None:
    with TemporaryDirectory() as name, Spools() as opened:
        spool = opened(Path(name), segment_bytes=10_000)
        sent: list[bytes] = []
        for size in batches:
            spool.append(fresh := events(len(sent), len(sent) + size))
            sent += fresh
        (segment,) = Path(name).glob("*.log")
        whole = segment.read_bytes()
        last = len(b"".join(map(module._record, fresh)))
        # What was acknowledged before the last batch is on disk; of that one, any part, or junk.
        segment.write_bytes(whole[: len(whole) - min(torn, last)] + garbage)
        found = drained(opened(Path(name)))
    acknowledged = sent[: -len(fresh)]
    assert found[: len(acknowledged)] == acknowledged
    assert found == sent[: len(found)]


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(["append", "read", "advance", "crash"]), max_size=30))
def test_at_every_crash_nothing_is_lost_and_order_is_kept(steps: list[str]) -> None:
    """What was read and not advanced comes again; nothing is left out, ever."""
    with TemporaryDirectory() as name, Spools() as opened:
        folder, spool = Path(name), opened(Path(name), segment_bytes=60)
        sent: list[bytes] = []
        done, pending = 0, None
        for step in [*steps, "crash"]:
            if step == "append":
                spool.append(fresh := events(len(sent), len(sent) + 2))
                sent += fresh
            elif step == "read":
                pending = spool.read(3)
                if pending is not None:
                    assert pending.lines == sent[done : done + len(pending.lines)]
            elif step == "advance" and pending is not None:
                spool.advance(pending.end)
                done, pending = done + len(pending.lines), None
            elif step == "crash":  # what a process that is gone leaves is its files
                copytree(folder, copy := folder / "after", ignore=ignore_patterns("after"))
                spool, folder, pending = opened(copy, segment_bytes=60), copy, None
        assert drained(spool) == sent[done:]


def test_a_damaged_record_in_the_middle_is_left_out_and_counted(
    tmp_path: Path, opened: Spools
) -> None:
    opened(tmp_path).append(events(0, 3))
    (segment,) = tmp_path.glob("*.log")
    segment.write_bytes(segment.read_bytes().replace(b'"n":1', b'"n":7'))
    batch = opened(tmp_path).read(10)
    assert batch is not None
    assert batch.lines == [b'{"n":0}', b'{"n":2}']
    assert batch.torn == 1


def test_junk_without_an_end_is_passed_over(tmp_path: Path, opened: Spools) -> None:
    (tmp_path / "000000000001.log").write_bytes(b"x" * 3_000_000)
    spool = opened(tmp_path)
    spool.append(events(0, 1))
    assert drained(spool) == events(0, 1)


@pytest.mark.parametrize("noted", ["", "{", "[]", '{"segment": "x"}', '{"segment": null}'])
def test_without_a_readable_position_all_is_read_again(
    tmp_path: Path, opened: Spools, noted: str
) -> None:
    spool = opened(tmp_path)
    spool.append(events(0, 5))
    (tmp_path / "position").write_text(noted)
    assert drained(opened(tmp_path)) == events(0, 5)


def test_a_position_without_its_segment_is_no_obstacle(tmp_path: Path, opened: Spools) -> None:
    (tmp_path / "position").write_text('{"segment": 7, "offset": 99}')
    spool = opened(tmp_path)
    spool.append(events(0, 2))
    assert spool.waiting_bytes > 0
    assert drained(spool) == events(0, 2)


def test_a_reader_that_waits_is_woken(tmp_path: Path, opened: Spools) -> None:
    spool = opened(tmp_path)
    found: list[bytes] = []

    def read() -> None:
        batch = spool.read(10, wait=20)
        found.extend(batch.lines if batch else [])

    thread = Thread(target=read)
    thread.start()
    start = time.monotonic()
    spool.append(events(0, 1))
    thread.join(15)
    assert found == events(0, 1)
    assert time.monotonic() - start < 15


def test_a_reader_gives_up_when_nothing_comes(tmp_path: Path, opened: Spools) -> None:
    assert opened(tmp_path).read(10, wait=0.01) is None


def append_each(spool: Spool, lines: list[bytes]) -> None:
    for line in lines:
        spool.append([line])


def test_several_writers_lose_nothing(tmp_path: Path, opened: Spools) -> None:
    spool = opened(tmp_path, segment_bytes=500)
    parts = [events(100 * each, 100 * each + 40) for each in range(4)]
    writers = [Thread(target=append_each, args=(spool, part)) for part in parts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    found = drained(spool)
    assert sorted(found) == sorted(chain.from_iterable(parts))
    for part in parts:
        places = [found.index(line) for line in part]
        assert all(one < other for one, other in pairwise(places))


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, opened: Spools) -> None:
    with pytest.raises(RingwallError, match="missing: cannot be used"):
        Spool(tmp_path / "missing", MANY)
