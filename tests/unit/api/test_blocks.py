"""One blocklist: what the database, Kamailio and the kernel are told of each change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ringwall.api import app, errors
from ringwall.api.blocks import BlockDesk
from ringwall.store.block_book import Entry, Keys, Network, read_target
from ringwall.store.blocks import StoredBlocks
from ringwall.store.database import DatabaseAway
from ringwall.telemetry.guard import Guard, GuardAway
from ringwall.telemetry.kamailio_rpc import Json, KamailioRpc

from .conftest import Http

STRANGER = "198.51.100.7"


class FakeStored(StoredBlocks):
    def __init__(self) -> None:
        self.rows: dict[Network, Entry] = {}
        self.table: dict[str, int] = {}
        self.clock = datetime(2030, 5, 17, tzinfo=UTC)
        self.now = lambda: self.clock
        self.changes, self.away = 0, False

    def _look(self) -> None:
        if self.away:
            raise DatabaseAway("MariaDB at 10.5.0.3:3306: refused")

    def read(self) -> list[Entry]:
        self._look()
        return list(self.rows.values())

    def keys(self) -> dict[str, int]:
        return dict(self.table)

    def state(self) -> int:
        self._look()
        return self.changes

    def change(self, put: Sequence[Entry], gone: Iterable[Network], keys: Keys) -> None:
        self._look()
        self.changes += 1
        self.rows |= {entry.network: entry for entry in put}
        for network in gone:
            self.rows.pop(network, None)
        self.table |= {name: value for name, value in keys.items() if value is not None}
        for name in [name for name, value in keys.items() if value is None]:
            self.table.pop(name, None)


@dataclass
class Neighbours:
    """Kamailio, which reads ``stored`` like the real one, and the guard."""

    stored: FakeStored
    table: dict[str, int] = field(default_factory=dict)
    reloads: int = 0
    kamailio_away: bool = False
    blocked: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    version: str = ""
    guard_away: bool = False

    def rpc(self, request: httpx.Request) -> httpx.Response:
        if self.kamailio_away:
            raise httpx.ConnectError("refused")
        body = json.loads(request.content)
        self._do(body["method"], *body["params"])
        return httpx.Response(200, json={"jsonrpc": "2.0", "result": {}, "id": 1})

    def _do(self, method: str, table: str, *rest: Any) -> None:
        assert table == "blocklist"
        if method == "htable.reload":
            self.table, self.reloads = dict(self.stored.table), self.reloads + 1
        elif method == "htable.seti":
            self.table[rest[0]] = rest[1]
        else:
            assert method == "htable.delete"
            self.table.pop(rest[0], None)

    def guard(self, request: httpx.Request) -> httpx.Response:
        if self.guard_away:
            raise httpx.ConnectError("refused")
        if request.method == "PUT":
            told: dict[str, Json] = json.loads(request.content)
            self.__dict__.update(told)
        return httpx.Response(200, json={"version": self.version})


@dataclass
class Site:
    stored: FakeStored
    around: Neighbours
    desk: BlockDesk
    http: Http

    def put(self, target: str, **body: Any) -> httpx.Response:
        return self.http.put(f"/api/v1/blocks/{target}", json=body)

    def send(self, lines: str, query: str = "") -> httpx.Response:
        headers = {"Content-Type": "text/plain"}
        return self.http.post(f"/api/v1/blocks/import{query}", content=lines, headers=headers)

    @property
    def listed(self) -> list[tuple[str, str]]:
        told = self.http.get("/api/v1/blocks").json()["blocks"]
        return [(one["target"], one["action"]) for one in told]


def _site(enabled: bool) -> Iterator[Site]:
    stored = FakeStored()
    around = Neighbours(stored)
    rpc = KamailioRpc("http://kamailio/RPC", transport=httpx.MockTransport(around.rpc))
    guard = Guard("http://guard", transport=httpx.MockTransport(around.guard))
    desk = BlockDesk(stored, rpc, guard, [IPv4Network("10.5.0.0/24")], enabled)
    api = FastAPI()
    errors.install(api)
    app.add_blocks(api, desk)
    yield Site(stored, around, desk, Http(api))
    rpc.close()


@pytest.fixture
def site() -> Iterator[Site]:
    yield from _site(enabled=True)


@pytest.fixture
def switched_off() -> Iterator[Site]:
    yield from _site(enabled=False)


def test_a_block_is_everywhere_and_gone_everywhere(site: Site) -> None:
    made = site.put("198.51.100.0/24", comment="scans", seconds=3600).json()
    assert (made["target"], made["comment"], made["warnings"]) == ("198.51.100.0/24", "scans", [])
    assert made["until"] == "2030-05-17T01:00:00Z"
    assert site.around.blocked == ["198.51.100.0/24"]
    assert site.around.table == site.stored.table != {}
    assert site.around.reloads == 0
    assert site.listed == [("198.51.100.0/24", "block")]
    gone = site.http.delete("/api/v1/blocks/198.51.100.0%2F24")
    assert (gone.status_code, gone.json()["warnings"]) == (200, [])
    assert (site.around.blocked, site.stored.rows, site.listed) == ([], {}, [])
    assert site.http.delete("/api/v1/blocks/198.51.100.0%2F24").status_code == 404


def test_allowing_wins_and_is_said(site: Site) -> None:
    site.put(STRANGER)
    assert site.put(STRANGER, action="allow").json()["action"] == "allow"
    assert (site.around.blocked, site.around.allowed) == ([], [STRANGER])
    assert site.around.table[STRANGER] == -1
    assert site.desk.allows(STRANGER)
    refused = site.put(STRANGER)
    assert (refused.status_code, "allowlist" in refused.json()["error"]) == (422, True)
    site.put("192.0.2.0/24", action="allow")
    assert "192.0.2.0/24 is on the allowlist" in site.put("192.0.2.1").json()["warnings"][0]


def test_the_entries_around_an_address_are_listed(site: Site) -> None:
    for target in ("198.51.100.0/24", "192.0.2.1", STRANGER):
        site.put(target)
    told = site.http.get("/api/v1/blocks", params={"address": STRANGER}).json()
    assert [one["target"] for one in told["blocks"]] == [STRANGER, "198.51.100.0/24"]
    assert site.http.get("/api/v1/blocks?address=198.51.100.0/24").status_code == 422


@pytest.mark.parametrize(
    "target", ["10.5.0.10", "10.5.0.0/16", "10.0.0.0/8", "nobody", "1.2.3.4/5"]
)
def test_some_targets_cannot_be_blocked(site: Site, target: str) -> None:
    refused = site.put(target)
    assert refused.status_code == 422
    assert refused.json()["remedy"]
    assert site.stored.rows == {}


def test_a_pbx_may_be_allowed(site: Site) -> None:
    assert site.put("10.5.0.10", action="allow").status_code == 200


def test_an_import_is_one_change(site: Site) -> None:
    site.put("192.0.2.1", action="allow")
    site.put("192.0.2.2")
    lines = "# feed\n\n192.0.2.1\n198.51.100.0/24 # a net\r\n" + "".join(
        f"203.0.113.{n}\n" for n in range(100)
    )
    done = site.send(lines).json()
    assert (done["added"], done["removed"], done["allowed"], done["entries"]) == (101, 0, 1, 103)
    assert site.around.reloads == 1
    assert site.around.table == site.stored.table
    assert len(site.around.blocked) == 102
    assert site.stored.rows[read_target("198.51.100.0/24")].comment == "a net"
    changes = site.stored.changes
    again = site.send("203.0.113.1\n198.51.100.0/24 # a net\n", "?replace=true").json()
    assert (again["added"], again["removed"], again["entries"]) == (0, 100, 3)
    assert site.stored.changes == changes + 1
    assert sorted(site.around.blocked) == ["198.51.100.0/24", "203.0.113.1"]
    assert site.around.allowed == ["192.0.2.1"]


def test_every_bad_line_is_told_and_nothing_is_changed(site: Site) -> None:
    long = "x" * 300
    refused = site.send(f"192.0.2.1\nnobody\n10.5.0.10\n\n198.51.100.7/24\n192.0.2.2 # {long}\n")
    assert refused.status_code == 422
    told = {one["row"]: one["error"] for one in refused.json()["errors"]}
    assert list(told) == [2, 3, 5, 6]
    assert "write 198.51.100.0/24" in told[5]
    assert "never blocked" in told[3]
    assert (site.stored.rows, site.around.blocked) == ({}, [])
    for nothing in ("# nothing\n", ""):
        assert site.send(nothing, "?replace=true").status_code == 422


def test_the_list_has_an_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringwall.api.blocks.MAX_ENTRIES", 2)
    site.send("192.0.2.1\n192.0.2.2\n")
    refused = site.put("192.0.2.3")
    assert (refused.status_code, len(site.stored.rows)) == (422, 2)
    assert site.put("192.0.2.2", comment="again").status_code == 200


def test_what_is_over_goes_by_itself(site: Site) -> None:
    site.put(STRANGER, seconds=60)
    site.put("192.0.2.1")
    site.desk.catch_up()
    assert site.around.blocked == ["192.0.2.1", STRANGER]
    site.stored.clock += timedelta(seconds=61)
    site.desk.catch_up()
    assert (site.around.blocked, site.listed) == (["192.0.2.1"], [("192.0.2.1", "block")])
    assert site.stored.rows.keys() == {read_target("192.0.2.1")}
    assert STRANGER not in site.around.table


def test_the_kernel_lets_go_without_the_database(site: Site) -> None:
    site.put(STRANGER, seconds=60)
    site.stored.clock += timedelta(seconds=61)
    site.stored.away = True
    with pytest.raises(DatabaseAway):
        site.desk.catch_up()
    assert site.around.blocked == []
    site.stored.away = False
    site.desk.catch_up()
    assert (site.stored.rows, site.around.table) == ({}, {})


def test_whoever_was_away_is_told_later(site: Site) -> None:
    site.around.guard_away = site.around.kamailio_away = True
    made = site.put(STRANGER).json()
    assert [warning.partition(" does not")[0] for warning in made["warnings"]] == [
        "Kamailio", "the kernel",
    ]  # fmt: skip
    with pytest.raises(GuardAway):
        site.desk.catch_up()
    site.around.guard_away = site.around.kamailio_away = False
    site.desk.catch_up()
    assert (site.around.blocked, site.around.table) == ([STRANGER], {STRANGER: 1})
    # A new network namespace.
    site.around.blocked, site.around.version = [], ""
    site.desk.catch_up()
    assert site.around.blocked == [STRANGER]


def test_without_the_database_nothing_is_promised(site: Site) -> None:
    site.put("192.0.2.1")
    site.stored.away = True
    assert site.put(STRANGER).status_code == 503
    assert (site.around.blocked, site.around.table) == (["192.0.2.1"], {"192.0.2.1": 1})


def test_blocks_stand_before_kamailio_listens(site: Site) -> None:
    network = read_target(STRANGER)
    site.stored.rows[network] = Entry(network)
    site.around.guard_away = True
    with pytest.raises(GuardAway):
        site.desk.stand()
    site.around.guard_away = False
    site.desk.stand()
    assert site.around.blocked == [STRANGER]
    # Kamailio reads this one itself.
    assert site.stored.table == {STRANGER: 1}


def test_what_kamailio_s_tools_write_is_taken_in(site: Site) -> None:
    site.put("192.0.2.1")
    network = read_target(STRANGER)
    site.stored.rows[network] = Entry(network, comment="by kamctl")
    site.stored.changes += 1
    site.stored.clock += timedelta(seconds=61)
    site.desk.catch_up()
    assert site.around.blocked == ["192.0.2.1", STRANGER]
    assert site.around.table == {"192.0.2.1": 1, STRANGER: 1}


def test_switched_off_the_list_is_kept_and_nobody_is_blocked(switched_off: Site) -> None:
    made = switched_off.put(STRANGER).json()
    assert made["warnings"] == ["the layer is off: security.blocklist.enabled"]
    switched_off.put("192.0.2.1", action="allow")
    assert (switched_off.around.blocked, switched_off.around.allowed) == ([], [])
    assert not switched_off.desk.allows("192.0.2.1")
    told = switched_off.http.get("/api/v1/blocks").json()
    assert (len(told["blocks"]), told["enabled"]) == (2, False)
