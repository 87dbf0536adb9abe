from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from ringwall.api.ban_models import Told
from ringwall.api.bans import BanDesk
from ringwall.api.blocks import BlockDesk
from ringwall.api.intake import (
    BANS,
    BANS_AT_START,
    DIALOGS,
    EVENTS,
    MAX_BODY,
    MAX_LINES,
    Intake,
    KeptOut,
)
from ringwall.api.recorder import Recorder
from ringwall.store.database import DatabaseAway
from ringwall.telemetry.guard import GuardAway
from ringwall.telemetry.spool import Spool

KAMAILIO = "10.5.0.2"


class FakeRecorder(Recorder):
    def __init__(self) -> None:
        self.put_back, self.away = 0, False

    def put_dialogs_back(self, wait: float) -> None:
        if self.away:
            raise DatabaseAway("MariaDB at 10.5.0.3:3306: refused")
        self.put_back += 1


class FakeBans(BanDesk):
    def __init__(self) -> None:
        self.heard: list[Told] = []
        self.stood, self.away = 0, False

    def told(self, news: Told) -> None:
        self.heard.append(news)

    def stand(self) -> None:
        if self.away:
            raise GuardAway("the guard does not answer")
        self.stood += 1


class FakeBlocks(BlockDesk):
    def __init__(self) -> None:
        self.stood = 0

    def stand(self) -> None:
        self.stood += 1


@dataclass
class Site:
    app: Intake
    spool: Spool
    dialogs: FakeRecorder
    bans: FakeBans
    blocks: FakeBlocks

    def post(
        self, body: bytes, sender: str = KAMAILIO, method: str = "POST", path: str = EVENTS
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(sender, 40000))
            async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
                return await client.request(method, path, content=body)

        return asyncio.run(ask())

    @property
    def spooled(self) -> list[bytes]:
        batch = self.spool.read(1000)
        return batch.lines if batch else []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    spool = Spool(tmp_path, 100_000)
    dialogs, bans, blocks = FakeRecorder(), FakeBans(), FakeBlocks()
    kept_out = KeptOut(bans, blocks)
    intake = Intake(PlainTextResponse("behind"), spool, dialogs, kept_out, IPv4Address(KAMAILIO))
    yield Site(intake, spool, dialogs, bans, blocks)
    spool.close()


def test_lines_are_on_disk_when_the_answer_comes(site: Site) -> None:
    answer = site.post(b'{"a":1}\n{"b":2}\n')
    assert (answer.status_code, answer.content) == (204, b"")
    assert site.spooled == [b'{"a":1}', b'{"b":2}']


def test_lines_that_are_no_events_are_taken_too(site: Site) -> None:
    """Kamailio could do nothing else with them, and would keep all the others."""
    assert site.post(b"\xff\x00\n\n  \nnonsense").status_code == 204
    assert site.spooled == [b"\xff\x00", b"nonsense"]


def test_nobody_else_is_listened_to(site: Site) -> None:
    for sender in ("10.5.0.10", "10.5.2.1", "127.0.0.1"):
        assert site.post(b"{}\n", sender).status_code == 403
    assert site.spooled == []


def test_only_post(site: Site) -> None:
    assert site.post(b"", method="GET").status_code == 405


def test_bounds(site: Site) -> None:
    assert site.post(b"{}\n" * (MAX_LINES + 1)).status_code == 413
    assert site.post(b"x" * (MAX_BODY + 1)).status_code == 413
    assert site.spooled == []
    assert site.post(b"{}\n" * MAX_LINES).status_code == 204


def test_nothing_is_nothing(site: Site) -> None:
    assert site.post(b"").status_code == 204


def test_a_full_spool_leaves_the_events_with_kamailio(site: Site) -> None:
    assert site.post(b"x" * 99_000).status_code == 204
    assert site.post(b"x" * 2_000).status_code == 503
    assert site.spool.refused == 1


def test_everything_else_passes(site: Site) -> None:
    assert site.post(b"", "192.0.2.9", path="/api/v1/health").text == "behind"


def test_kamailio_asks_for_the_calls_that_were_up(site: Site) -> None:
    assert site.post(b"", path=DIALOGS).status_code == 204
    assert site.dialogs.put_back == 1
    assert site.post(b"", path=DIALOGS, sender="10.5.0.10").status_code == 403
    assert site.post(b"", path=DIALOGS, method="GET").status_code == 405
    site.dialogs.away = True
    assert site.post(b"", path=DIALOGS).status_code == 503
    assert site.dialogs.put_back == 1
    assert site.spooled == []


def test_a_ban_is_taken_note_of(site: Site) -> None:
    line = b'{"address":"198.51.100.7","seconds":60,"count":1,"reason":"flood"}'
    assert site.post(line, path=BANS).status_code == 204
    assert [(one.address, one.seconds) for one in site.bans.heard] == [("198.51.100.7", 60)]
    assert site.post(b'{"address":1}', path=BANS).status_code == 400
    assert site.post(line, path=BANS, sender="10.5.0.9").status_code == 403


def test_bans_stand_or_not(site: Site) -> None:
    assert site.post(b"", path=BANS_AT_START).status_code == 204
    assert (site.bans.stood, site.blocks.stood) == (1, 1)
    site.bans.away = True
    assert site.post(b"", path=BANS_AT_START).status_code == 503
