from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families as parse

from ringwall.api.metrics import PushMetrics, RecordMetrics, install
from ringwall.api.recorder import Counts
from ringwall.store.database import DatabaseAway
from ringwall.store.outbox import Backlog
from ringwall.telemetry.rejects import Rejects
from ringwall.telemetry.spool import Spool, SpoolFull

from .conftest import PROMETHEUS, Control, Http
from .phones import FakeOutbox, FakeWorker

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
FROM_THE_OUTBOX = {"ringwall_push_pending", "ringwall_push_parked", "ringwall_push_lag_seconds"}


class Table(FakeOutbox):
    """An outbox that answers, fails or hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.may_answer = Event()
        self.may_answer.set()
        self.questions = 0

    def backlog(self) -> Backlog:
        self.questions += 1
        self.may_answer.wait(10)
        if self.away:
            raise DatabaseAway("MariaDB does not answer")
        return Backlog(3, 2, self.oldest)


@dataclass
class Site:
    spool: Spool
    rejects: Rejects
    counts: Counts = field(default_factory=Counts)
    table: Table = field(default_factory=Table)
    worker: FakeWorker = field(default_factory=FakeWorker)

    def __post_init__(self) -> None:
        app = FastAPI()
        records = RecordMetrics(self.spool, self.rejects, self.counts)
        install(app, records, PushMetrics(self.table, self.worker, patience=0.1))
        self.http = Http(app)

    def scrape(self) -> dict[str, float]:
        families = parse(self.http.get("/metrics").text)
        return {
            ":".join([sample.name, *sample.labels.values()]): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(Spool(tmp_path, 100), Rejects(tmp_path))
    yield made
    made.table.may_answer.set()
    made.spool.close()


def test_records_that_wait_are_written_and_are_refused(site: Site) -> None:
    site.spool.append([b"x" * 50])
    with pytest.raises(SpoolFull):
        site.spool.append([b"x" * 50] * 2)
    site.rejects.add(b"{", "no JSON")
    site.counts.legs, site.counts.registrations = 4, 5
    site.counts.torn, site.counts.failures, site.counts.reused = 6, 7, 8
    site.counts.lag_seconds = 0.25
    told = site.scrape()
    assert told["ringwall_records_queue_bytes"] == site.spool.waiting_bytes > 50
    assert told["ringwall_records_refused_total"] == 2
    assert told["ringwall_records_rejected_total"] == 1
    assert told["ringwall_records_written_total:leg"] == 4
    assert told["ringwall_records_written_total:registration"] == 5
    assert told["ringwall_records_torn_total"] == 6
    assert told["ringwall_records_failures_total"] == 7
    assert told["ringwall_records_reused_call_ids_total"] == 8
    assert told["ringwall_records_delay_seconds"] == 0.25


def test_pushes_that_wait_and_what_became_of_the_others(site: Site) -> None:
    site.table.oldest = datetime.now(UTC) - timedelta(seconds=90)
    counters = site.worker.counted
    counters.sent, counters.failures, counters.parked = 10, 20, 30
    told = site.scrape()
    assert 90 <= told["ringwall_push_lag_seconds"] < 100
    assert (told["ringwall_push_pending"], told["ringwall_push_parked"]) == (3, 2)
    assert told["ringwall_push_sent_total"] == 10
    assert told["ringwall_push_failures_total"] == 20
    assert told["ringwall_push_given_up_total"] == 30
    assert told["ringwall_push_application_up"] == 1
    counters.away_since = 1.0
    assert site.scrape()["ringwall_push_application_up"] == 0
    site.table.oldest = None
    assert site.scrape()["ringwall_push_lag_seconds"] == 0


def test_without_the_database_its_numbers_are_left_out_and_come_back(site: Site) -> None:
    whole = set(site.scrape())
    site.table.away = True
    assert set(site.scrape()) == whole - FROM_THE_OUTBOX
    site.table.away = False
    assert set(site.scrape()) == whole


def test_a_database_that_hangs_keeps_no_scrape_waiting_and_is_asked_once(site: Site) -> None:
    """Each answer comes within its patience, or this test would last as long as the hang."""
    whole = set(site.scrape())
    site.table.may_answer.clear()
    for _ in range(3):
        assert set(site.scrape()) == whole - FROM_THE_OUTBOX
    assert site.table.questions == 2
    site.table.may_answer.set()
    assert set(site.scrape()) == whole


def test_the_page_names_every_metric_and_no_other(site: Site) -> None:
    said = set(re.findall(r"^\| `(\w+)", PAGE.read_text(), re.MULTILINE))
    assert said == {name.partition(":")[0] for name in site.scrape()}


def test_prometheus_needs_no_token_and_everybody_else_does(control: Control) -> None:
    install(control.http.app)
    nobody = {"Authorization": ""}
    for sender in ("10.5.0.2", "10.5.2.1", "10.5.1.77", "127.0.0.1"):
        stranger = Http(control.http.app, sender)
        assert stranger.get("/metrics", headers=nobody).status_code == 401
        assert stranger.get("/metrics").status_code == 200
    prometheus = Http(control.http.app, PROMETHEUS)
    assert prometheus.get("/metrics", headers=nobody).status_code == 200
    for path in ("/api/v1/status", "/metrics/", "/metrics/x", "//metrics"):
        answer = prometheus.get(path, headers=nobody, follow_redirects=False)
        assert answer.status_code == 401, path


def test_a_scrape_changes_nothing_and_is_not_logged(
    control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    install(control.http.app)
    with caplog.at_level("INFO", "ringwall"):
        assert Http(control.http.app, PROMETHEUS).get("/metrics").status_code == 200
    assert not caplog.messages
    answer: httpx.Response = Http(control.http.app, PROMETHEUS).post("/metrics")
    assert answer.status_code == 405
