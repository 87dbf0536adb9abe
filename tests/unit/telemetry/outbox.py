"""The outbox without SQL, with the same promises; and a worker on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock

from ringwall.errors import RingwallError

Address = tuple[str, str]


@dataclass(frozen=True)
class Row:
    id: int
    event_id: str
    address: Address
    document: str
    attempts: int
    queued_at: datetime
    state: str = "pending"
    error: str = ""


def row(number: int, user: str = "1001", age: float = 0.0) -> Row:
    key = hashlib.sha256(f"{user}/{number}".encode()).hexdigest()
    document = json.dumps({"version": 1, "id": key, "user": user, "number": number})
    queued = datetime.now(UTC) - timedelta(seconds=age)
    return Row(number, key, (user, "sip.example.com"), document, 0, queued)


class FakeOutbox:
    """Rows in a dictionary."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self.rows = {each.id: each for each in rows}
        self.away = False
        self.reads = 0
        self._lock = Lock()

    def add(self, *rows: Row) -> None:
        with self._lock:
            self.rows |= {each.id: each for each in rows}

    def states(self) -> dict[int, str]:
        with self._lock:
            return {each.id: each.state for each in self.rows.values()}

    def count(self, state: str) -> int:
        return list(self.states().values()).count(state)

    def waiting(self, after: int, most: int) -> Sequence[Row]:
        return self._read(lambda each: each.id > after, most)

    def waiting_of(self, address: Address, upto: int, most: int) -> Sequence[Row]:
        return self._read(lambda each: each.address == address and each.id <= upto, most)

    def sent(self, ids: Sequence[int], at: datetime) -> None:
        self._change(ids, state="sent", error="")

    def failed(self, ids: Sequence[int], error: str, next_attempt_at: datetime) -> None:
        self._change(ids, error=error)

    def parked(self, ids: Sequence[int], error: str) -> None:
        self._change(ids, state="parked", error=error)

    def park_old(self, before: datetime, error: str) -> int:
        old = [each.id for each in self._read(lambda each: each.queued_at <= before, 100)]
        return self._park(old, error)

    def park_excess(self, keep: int, error: str) -> int:
        waiting = [each.id for each in self._read(lambda _each: True, len(self.rows))]
        return self._park(waiting[: max(0, len(waiting) - keep)][:100], error)

    def _park(self, ids: Sequence[int], error: str) -> int:
        with self._lock:
            for number in ids:
                self.rows[number] = replace(self.rows[number], state="parked", error=error)
        return len(ids)

    def _read(self, wanted: Callable[[Row], bool], most: int) -> list[Row]:
        self._answer()
        with self._lock:
            self.reads += 1
            rows = (self.rows[number] for number in sorted(self.rows))
            found = [each for each in rows if each.state == "pending" and wanted(each)]
            return found[:most]

    def _change(self, ids: Sequence[int], **values: str) -> None:
        self._answer()
        with self._lock:
            for number in ids:
                old = self.rows[number]
                self.rows[number] = replace(old, attempts=old.attempts + 1, **values)  # type: ignore[arg-type]

    def _answer(self) -> None:
        if self.away:
            raise RingwallError("MariaDB is away")
