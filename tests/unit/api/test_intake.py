from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from ringwall.api.intake import MAX_BODY, MAX_LINES, PATH, Intake
from ringwall.telemetry.spool import Spool

KAMAILIO = "10.5.0.2"


@dataclass
class Site:
    app: Intake
    spool: Spool

    def post(
        self, body: bytes, sender: str = KAMAILIO, method: str = "POST", path: str = PATH
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
    yield Site(Intake(PlainTextResponse("behind"), spool, IPv4Address(KAMAILIO)), spool)
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
