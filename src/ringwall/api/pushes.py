"""The outbox of registrations, as an operator sees and changes it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

from ringwall.api.moments import moment
from ringwall.api.push_models import (
    Altered,
    Purge,
    Push,
    Pushes,
    PushState,
    PushStatus,
    PushWithDocument,
)
from ringwall.errors import BadInput
from ringwall.store.outbox import Outbox
from ringwall.telemetry.registrations import Registrations


class PushDesk:
    """Shows pushes, and sends or forgets them; ``worker`` is None where no URL is set."""

    def __init__(self, outbox: Outbox, worker: Registrations | None) -> None:
        self._outbox, self._worker = outbox, worker

    def status(self) -> PushStatus:
        """Tell how the outbox is doing."""
        backlog, counters = self._outbox.backlog(), self._worker and self._worker.counters
        away = counters.away_since if counters else None
        return PushStatus(
            enabled=self._worker is not None,
            pending=backlog.pending,
            parked=backlog.parked,
            lag_seconds=round(backlog.lag_seconds(datetime.now(UTC)), 3),
            away_since=None if away is None else datetime.fromtimestamp(away, UTC),
            last_error=counters.last_error if counters else None,
            sent_total=counters.sent if counters else 0,
            failures_total=counters.failures if counters else 0,
            parked_total=counters.parked if counters else 0,
        )

    def rows(
        self, state: PushState | None, user: str | None, before: int | None, most: int
    ) -> Pushes:
        """Return rows, the newest first, with the status."""
        rows = self._outbox.rows(state, user, before, most)
        return Pushes(status=self.status(), pushes=[Push(**asdict(row)) for row in rows])

    def row(self, number: int) -> PushWithDocument:
        """Return one with its document; raise ``NoSuchPush``."""
        row, text = self._outbox.row(number)
        return PushWithDocument(**asdict(row), document=json.loads(text))

    def retry(self, number: int | None) -> Altered:
        """Send one, or all that are parked, now; and whatever else waits for its next time."""
        if self._worker is None:
            raise BadInput(
                "there is nobody to tell: telemetry.registrations.url is not set",
                "set it in ringwall.yaml, and run `./ringwall up`",
            )
        changed = self._outbox.retry(number, datetime.now(UTC))
        self._worker.retry()
        return Altered(pushes=changed)

    def purge(self, wanted: Purge) -> Altered:
        """Never send them; they stay in the history."""
        before = moment(wanted.older_than, "older_than")
        changed = self._outbox.purge(wanted.state, before)
        if self._worker is not None:
            self._worker.retry()  # what it has in memory is read again
        return Altered(pushes=changed)
