"""The way from the spool into MariaDB: one thread, in order, exactly once.

A batch is one transaction, and only after its commit the spool moves on. Whatever happens in
between makes the same lines come again, and writing them again changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event as Flag
from time import monotonic, sleep, time

from ringwall.api.rows import dialogs_in, leg_row, registration_row, verdict_row
from ringwall.store import kept_dialogs, records, verdicts
from ringwall.store.database import Database, DatabaseAway
from ringwall.telemetry.events import BadEvent, Dialog, Event, Leg, Registration, Verdict, parse
from ringwall.telemetry.rejects import Rejects
from ringwall.telemetry.spool import Batch, Spool

BATCH = 500
_IDLE_SECONDS = 1.0
_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 5.0
_LOOK_SECONDS = 0.05
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """What was written since the start; for metrics."""

    events: int = 0
    """Lines that are done with, those that came twice and those rejected included."""
    legs: int = 0
    calls: int = 0
    registrations: int = 0
    """Those that came twice included."""
    reused: int = 0
    """Times that a Call-ID was found to serve several calls."""
    torn: int = 0
    """Records of the spool that were damaged."""
    failures: int = 0
    """Transactions that MariaDB did not take at once."""
    lag_seconds: float = 0.0
    """From the newest event that was written to its commit; by both machines' clocks."""


class Recorder:
    """Writes what the spool holds, until told to stop."""

    def __init__(
        self,
        spool: Spool,
        rejects: Rejects,
        database: Database,
        wake: Callable[[], None] | None = None,
    ) -> None:
        """``wake`` is called when there are registrations to tell of; None: nobody is told.

        ``database`` is its own: it must not wait for connections that others use.
        """
        self._spool, self._rejects, self._database = spool, rejects, database
        self._wake = wake
        self.counts = Counts()

    def run(self, stop: Flag) -> None:
        """Work until ``stop``; what is not written then, the next run writes."""
        delay = _FIRST_SECONDS
        while not stop.is_set():
            try:
                self.step(_IDLE_SECONDS)
                delay = _FIRST_SECONDS
            except (DatabaseAway, OSError) as error:
                self.counts.failures += 1
                waiting = self._spool.waiting_bytes
                _log.warning("records wait (%d bytes): %s", waiting, error)
                stop.wait(delay)
                delay = min(delay * 2, _LONGEST_SECONDS)

    def put_dialogs_back(self, wait: float) -> None:
        """Let the next start of Kamailio find the calls that go on.

        ``wait``: for so many seconds until what it told before it ended is written. Raise
        ``DatabaseAway``, also where it is not.
        """
        deadline = monotonic() + wait
        while self._spool.waiting_bytes:
            if monotonic() > deadline:
                raise DatabaseAway("records wait to be written", "see `docker logs control`")
            sleep(_LOOK_SECONDS)
        with self._database.begin() as connection:
            kept_dialogs.put_back(connection)

    def close(self) -> None:
        """Close the spool and the connections."""
        self._spool.close()
        self._database.close()

    def step(self, wait: float = 0.0) -> bool:
        """Write one batch; return whether there was one. Raise ``DatabaseAway``, ``OSError``."""
        batch = self._spool.read(BATCH, wait)
        if batch is None:
            return False
        self._write_batch(batch)
        self._spool.advance(batch.end)
        self.counts.events += len(batch.lines)
        self.counts.torn += batch.torn
        if batch.torn:
            _log.warning("%d damaged records in the spool: a crash tore them", batch.torn)
        return True

    def _write_batch(self, batch: Batch) -> None:
        parsed = [(line, event) for line in batch.lines if (event := self._parsed(line))]
        if not parsed:
            return
        try:
            self._write([event for _, event in parsed])
        except (DatabaseAway, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one event does, the others get through
            _log.warning("a batch is written one by one: %s", _reason(error))
            for line, event in parsed:
                self._write_alone(line, event)

    def _write_alone(self, line: bytes, event: Event) -> None:
        try:
            self._write([event])
        except (DatabaseAway, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - likewise
            self._rejects.add(line, _reason(error))

    def _parsed(self, line: bytes) -> Event | None:
        try:
            return parse(line)
        except BadEvent as error:
            self._rejects.add(line, str(error))
            return None

    def _write(self, events: Sequence[Event]) -> None:
        legs = [leg_row(event) for event in events if isinstance(event, Leg)]
        registrations = [
            registration_row(event, "pending" if self._wake else "none")
            for event in events
            if isinstance(event, Registration)
        ]
        refusals = [verdict_row(event) for event in events if isinstance(event, Verdict)]
        now = datetime.now(UTC).replace(tzinfo=None)
        with self._database.begin() as connection:
            written = records.write(connection, legs, registrations, now)
            kept_dialogs.write(connection, *dialogs_in(events))
            verdicts.write(connection, refusals)
        if registrations and self._wake:
            self._wake()
        self.counts.legs += written.legs
        self.counts.calls += written.calls
        self.counts.registrations += len(registrations)
        self.counts.reused += len(written.reused)
        self.counts.lag_seconds = max(0.0, time() - max(map(_happened, events)) / 1000)
        for correlation in written.reused:
            _log.warning("several calls went by the Call-ID %r: their times are added", correlation)


def _happened(event: Event) -> int:
    if isinstance(event, Dialog):
        return event.started * 1000
    return event.ended if isinstance(event, Leg) else event.at


def _reason(error: Exception) -> str:
    """The driver's own words, never the statement or its values."""
    return str(getattr(error, "orig", None) or error)[:500]
