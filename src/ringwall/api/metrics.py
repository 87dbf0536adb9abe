"""Control's numbers for Prometheus, read at the moment that it asks."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock
from typing import Annotated

from fastapi import FastAPI, Header
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.responses import Response

from ringwall.api.guard import METRICS_PATH
from ringwall.api.recorder import Counts
from ringwall.errors import RingwallError
from ringwall.store.outbox import Backlog, Outbox
from ringwall.telemetry.registrations import Registrations
from ringwall.telemetry.rejects import Rejects
from ringwall.telemetry.spool import Spool

# Prometheus gives up after ten; the database itself may take half a minute to be found hanging.
_PATIENCE_SECONDS = 1.0


def install(app: FastAPI, *collectors: Collector) -> None:
    """Add the path that Prometheus asks; it is no part of the versioned API."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)

    @app.get(METRICS_PATH, include_in_schema=False)
    def metrics(accept: Annotated[str, Header()] = "") -> Response:
        encode, content_type = choose_encoder(accept)
        return Response(encode(registry), media_type=content_type)


class RecordMetrics(Collector):
    """What the recorder has done, and what waits for it; no database is asked."""

    def __init__(self, spool: Spool, rejects: Rejects, counts: Counts) -> None:
        self._spool, self._rejects, self._counts = spool, rejects, counts

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        counts = self._counts
        written = Counter(
            "ringwall_records_written",
            "Records written to MariaDB; those that came twice count twice.",
            labels=["kind"],
        )
        written.add_metric(["leg"], counts.legs)
        written.add_metric(["registration"], counts.registrations)
        yield written
        yield Gauge(
            "ringwall_records_queue_bytes",
            "Events in the spool that are not in MariaDB yet.",
            self._spool.waiting_bytes,
        )
        yield Gauge(
            "ringwall_records_delay_seconds",
            "From the newest event that was written to its commit.",
            counts.lag_seconds,
        )
        yield Counter(
            "ringwall_records_refused",
            "Events that Kamailio must keep, because the spool or the disk was full.",
            self._spool.refused,
        )
        yield Counter(
            "ringwall_records_rejected",
            "Events that cannot be recorded; they are in rejected.ndjson.",
            self._rejects.count,
        )
        yield Counter(
            "ringwall_records_torn", "Damaged records that a crash left in the spool.", counts.torn
        )
        yield Counter(
            "ringwall_records_failures",
            "Attempts to write that MariaDB did not take; they are repeated.",
            counts.failures,
        )
        yield Counter(
            "ringwall_records_reused_call_ids",
            "Times that a Call-ID was found to serve several calls.",
            counts.reused,
        )


class PushMetrics(Collector):
    """How the external application is told of registrations.

    The numbers of the outbox are left out of a scrape where MariaDB does not tell them in time.
    """

    def __init__(
        self, outbox: Outbox, worker: Registrations, patience: float = _PATIENCE_SECONDS
    ) -> None:
        self._outbox, self._worker, self._patience = outbox, worker, patience
        # One thread: scrapes that come while the database hangs wait for the same answer.
        self._pool = ThreadPoolExecutor(1, "metrics")
        self._asking = Lock()
        self._answer: Future[Backlog] | None = None

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        counters = self._worker.counters
        yield Counter("ringwall_push_sent", "Events that were delivered.", counters.sent)
        yield Counter("ringwall_push_failures", "Requests that failed.", counters.failures)
        yield Counter("ringwall_push_given_up", "Events that were parked.", counters.parked)
        yield Gauge(
            "ringwall_push_application_up",
            "1, or 0 while the application counts as away.",
            counters.away_since is None,
        )
        backlog = self._backlog()
        if backlog is None:
            return
        yield Gauge("ringwall_push_pending", "Events that wait to be delivered.", backlog.pending)
        yield Gauge("ringwall_push_parked", "Events that are given up.", backlog.parked)
        yield Gauge(
            "ringwall_push_lag_seconds",
            "How long the oldest event that is not delivered has waited; 0: there is none.",
            backlog.lag_seconds(datetime.now(UTC)),
        )

    def _backlog(self) -> Backlog | None:
        with self._asking:
            if self._answer is None or self._answer.done():
                self._answer = self._pool.submit(self._outbox.backlog)
            answer = self._answer
        try:
            return answer.result(self._patience)
        except (TimeoutError, RingwallError):
            return None
