"""Events on disk, between their arrival and their place in MariaDB.

A spool is a folder of segments, files that only grow. A record is one line: eight hex digits
of its CRC-32, a space, the event. What ``append`` has returned for is on disk (fsync). Each
start begins a segment of its own, so what a crash tore is always at the end of one.
"""

from __future__ import annotations

import json
import logging
import os
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from threading import Condition
from typing import Final

from ringwall.errors import RingwallError

SEGMENT_BYTES: Final = 8 * 1024 * 1024
# More than the longest record.
_CHUNK = 1024 * 1024
_CRC_DIGITS = 8
_POSITION, _SUFFIX = "position", ".log"
_TELL_SECONDS = 60.0
_log = logging.getLogger(__name__)


class SpoolFull(RingwallError):
    """The events were not taken: the spool is as large as it may be, or the disk is full."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two records."""

    segment: int
    offset: int


@dataclass(slots=True)
class Batch:
    """Events in their order; ``end`` is the position behind the last."""

    end: Position
    lines: list[bytes] = field(default_factory=list)
    torn: int = 0
    """Records among them that were damaged, and are left out."""


class Spool:
    """A queue on disk: any number of writers, one reader. May be used by several threads."""

    def __init__(self, folder: Path, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open the folder; raise ``RingwallError`` where it cannot be used."""
        self._folder, self._max, self._segment_bytes = folder, max_bytes, segment_bytes
        self._grown = Condition()
        self._appends = self.refused = 0
        """``refused`` counts the events that were not taken."""
        self._told = float("-inf")
        try:
            self._sizes = {_number(path): path.stat().st_size for path in _segments(folder)}
            self._position = self._read_position()
            self._forget()
            self._file = self._begin()
        except OSError as error:
            raise RingwallError(f"{folder}: cannot be used ({error})", "see its volume") from error

    @property
    def waiting_bytes(self) -> int:
        """How much is on disk and not done with."""
        with self._grown:
            begun = self._position.offset if self._position.segment in self._sizes else 0
            return sum(self._sizes.values()) - begun

    def append(self, lines: Sequence[bytes]) -> None:
        """Put all of them on disk, or none; raise ``SpoolFull``. No line holds a line feed."""
        records = b"".join(map(_record, lines))
        with self._grown:
            if sum(self._sizes.values()) + len(records) > self._max:
                raise self._full(len(lines), f"its {self._max} bytes are used up")
            try:
                self._write(records)
            except OSError as error:
                self._file.close()  # nobody knows what it holds: the next record goes to another
                raise self._full(len(lines), str(error)) from error
            self._appends += 1
            self._grown.notify_all()

    def read(self, limit: int, wait: float = 0.0) -> Batch | None:
        """Return the next events, at most ``limit``; None when none come for ``wait`` seconds.

        They come again until ``advance`` is called with the batch's end. Raise ``OSError``.
        """
        with self._grown:
            seen = self._appends
        batch = self._next(limit)
        if batch is None:
            with self._grown:
                self._grown.wait_for(lambda: self._appends != seen, wait)
            batch = self._next(limit)
        return batch

    def advance(self, position: Position) -> None:
        """All before it is done with, also after a crash; raise ``OSError``."""
        new = self._folder / f"{_POSITION}.new"
        with new.open("w") as file:
            json.dump(asdict(position), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / _POSITION)
        with self._grown:
            self._position = position
            self._forget()

    def close(self) -> None:
        """Close the file; what was appended is on disk already."""
        with self._grown:
            self._file.close()

    def _write(self, records: bytes) -> None:
        if self._file.closed or self._sizes[max(self._sizes)] >= self._segment_bytes:
            self._file.close()
            self._file = self._begin()
        number = max(self._sizes)
        try:
            rest = memoryview(records)
            while rest:  # a disk that fills up takes a part at first
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(self._sizes[number])
            raise
        self._sizes[number] += len(records)

    def _begin(self) -> FileIO:
        number = max([self._position.segment, *self._sizes]) + 1
        file = FileIO(self._folder / f"{number:012}{_SUFFIX}", "xb")
        self._sizes[number] = 0
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return file

    def _next(self, limit: int) -> Batch | None:
        with self._grown:
            batch, sizes = Batch(self._position), dict(self._sizes)
        for number in sorted(sizes):
            if number < batch.end.segment:
                continue
            if number > batch.end.segment:
                batch.end = Position(number, 0)
            self._read_segment(batch, sizes, limit)
            if len(batch.lines) == limit:
                break
        return batch if batch.lines or batch.torn else None

    def _read_segment(self, batch: Batch, sizes: Mapping[int, int], limit: int) -> None:
        """Read on in the segment that ``batch`` ends in, as far as it is safely on disk."""
        number, offset = batch.end.segment, batch.end.offset
        with (self._folder / f"{number:012}{_SUFFIX}").open("rb") as file:
            file.seek(offset)
            while offset < sizes[number] and len(batch.lines) < limit:
                line = file.readline(min(_CHUNK, sizes[number] - offset))
                offset += len(line)
                event = _event(line)
                if event is None:
                    batch.torn += 1
                else:
                    batch.lines.append(event)
        batch.end = Position(number, offset)

    def _read_position(self) -> Position:
        """Return where the last run was; without a readable note, all is read again."""
        try:
            noted = json.loads((self._folder / _POSITION).read_text())
            return Position(int(noted["segment"]), int(noted["offset"]))
        except FileNotFoundError:
            return Position(0, 0)
        except (ValueError, KeyError, TypeError):
            _log.warning("%s: no readable position: all is read again", self._folder)
            return Position(0, 0)

    def _forget(self) -> None:
        """Remove the segments that are done with."""
        for number in [each for each in self._sizes if each < self._position.segment]:
            (self._folder / f"{number:012}{_SUFFIX}").unlink(missing_ok=True)
            del self._sizes[number]

    def _full(self, events: int, why: str) -> SpoolFull:
        self.refused += events
        if time.monotonic() - self._told >= _TELL_SECONDS:
            self._told = time.monotonic()
            _log.error("%s: takes no events (%s); %d so far", self._folder, why, self.refused)
        return SpoolFull(f"{self._folder}: {why}", "see why MariaDB is away")


def _record(line: bytes) -> bytes:
    return b"%08x %b\n" % (zlib.crc32(line), line)


def _event(record: bytes) -> bytes | None:
    """Return the event of a record; None where it is damaged."""
    checksum, line = record[:_CRC_DIGITS], record[_CRC_DIGITS + 1 : -1]
    whole = record.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(line)
    return line if whole else None


def _segments(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdigit()]


def _number(path: Path) -> int:
    return int(path.stem)
