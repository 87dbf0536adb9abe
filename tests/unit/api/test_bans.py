"""One list of bans: what the database, Kamailio and the kernel are told of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

import httpx
import pytest
from fastapi import FastAPI

from ringwall.api import app, errors
from ringwall.api.ban_models import Told
from ringwall.api.bans import BanDesk
from ringwall.store.bans import Ban, StoredBans
from ringwall.telemetry.guard import Guard, GuardAway
from ringwall.telemetry.kamailio_rpc import Json, KamailioRpc

from .conftest import Http

STRANGER, PHONE = "198.51.100.7", "198.51.100.8"


class FakeStored(StoredBans):
    def __init__(self) -> None:
        self.rows: dict[str, Ban] = {}
        self.clock = datetime(2030, 5, 17, tzinfo=UTC)
        self.now = lambda: self.clock

    def active(self) -> list[Ban]:
        return [ban for ban in self.rows.values() if ban.until > self.clock]

    def count(self, address: str) -> int:
        return self.rows[address].count if address in self.rows else 0

    def put(self, ban: Ban) -> None:
        self.rows[ban.address] = ban

    def remove(self, address: str) -> bool:
        return self.rows.pop(address, None) is not None

    def forget(self) -> None:
        pass


@dataclass
class Neighbours:
    """Kamailio and the guard; ``kernel`` is address to (seconds, who made it)."""

    kernel: dict[str, tuple[int, str]] = field(default_factory=dict)
    calls: list[list[Json]] = field(default_factory=list)
    guard_away: bool = False

    def rpc(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        call = [body["method"], *body["params"]]
        self.calls.append(call)
        if call[0] == "htable.get" and call[2] != PHONE:
            error = {"code": 404, "message": "no such key"}
            return httpx.Response(404, json={"jsonrpc": "2.0", "error": error, "id": 1})
        return httpx.Response(200, json={"jsonrpc": "2.0", "result": {}, "id": 1})

    def guard(self, request: httpx.Request) -> httpx.Response:
        if self.guard_away:
            raise httpx.ConnectError("refused")
        address = request.url.path.rpartition("/")[2]
        if request.method == "PUT":
            seconds, made_by = request.url.params["seconds"], request.url.params["by"]
            self.kernel[address] = (int(seconds), made_by)
        elif request.method == "DELETE":
            self.kernel.pop(address, None)
        rows = [
            {"address": one, "seconds": seconds, "made_by": made_by, "packets": 9}
            for one, (seconds, made_by) in self.kernel.items()
        ]
        return httpx.Response(200, json={"bans": rows})


@dataclass
class Site:
    stored: FakeStored
    around: Neighbours
    desk: BanDesk
    http: Http
    allowlist: set[str]


@pytest.fixture
def site() -> Iterator[Site]:
    stored, around, allowlist = FakeStored(), Neighbours(), set[str]()
    rpc = KamailioRpc("http://kamailio/RPC", transport=httpx.MockTransport(around.rpc))
    guard = Guard("http://guard", transport=httpx.MockTransport(around.guard))
    desk = BanDesk(stored, rpc, guard, [IPv4Network("10.5.0.0/24")], allowlist.__contains__)
    api = FastAPI()
    errors.install(api)
    app.add_bans(api, desk)
    yield Site(stored, around, desk, Http(api), allowlist)
    rpc.close()


def test_an_operator_s_ban_is_everywhere(site: Site) -> None:
    body = {"seconds": 600, "reason": "a bad day"}
    made = site.http.put(f"/api/v1/bans/{STRANGER}", json=body).json()
    assert (made["address"], made["by"], made["count"], made["kernel"]) == (
        STRANGER, "operator", 1, True,
    )  # fmt: skip
    assert site.around.kernel == {STRANGER: (600, "operator")}
    assert ["htable.setxi", "bans", STRANGER, 1, 600] in site.around.calls
    listed = site.http.get("/api/v1/bans").json()
    assert [(one["address"], one["dropped"]) for one in listed["bans"]] == [(STRANGER, 9)]


def test_a_registered_address_is_not_banned_in_the_kernel(site: Site) -> None:
    made = site.http.put(f"/api/v1/bans/{PHONE}", json={}).json()
    assert made["kernel"] is False
    site.desk.catch_up()
    site.desk.stand()
    assert site.around.kernel == {}
    assert ["htable.setxi", "bans", PHONE, 1, 3600] in site.around.calls


def test_a_lifted_ban_leaves_nothing_behind(site: Site) -> None:
    site.http.put(f"/api/v1/bans/{STRANGER}", json={})
    assert site.http.delete(f"/api/v1/bans/{STRANGER}").status_code == 200
    assert (site.around.kernel, site.stored.rows) == ({}, {})
    forgotten = {call[1] for call in site.around.calls if call[0] == "htable.delete"}
    assert forgotten == {"bans", "ban_counts", "weights", "strikes", "flooding"}
    site.desk.catch_up()
    assert site.around.kernel == {}
    assert site.http.delete(f"/api/v1/bans/{STRANGER}").status_code == 404


@pytest.mark.parametrize("address", ["10.5.0.10", "nobody"])
def test_some_addresses_cannot_be_banned(site: Site, address: str) -> None:
    refused = site.http.put(f"/api/v1/bans/{address}", json={})
    assert refused.status_code == 422
    assert refused.json()["remedy"]


def test_kamailio_s_ban_reaches_kernel_and_database(site: Site) -> None:
    site.desk.told(Told(address=STRANGER, seconds=120, count=2, reason="flood"))
    assert site.around.kernel == {STRANGER: (120, "flood")}
    assert site.stored.rows[STRANGER].count == 2


def test_fail2ban_s_ban_is_taken_in(site: Site) -> None:
    site.around.kernel = {STRANGER: (60, "fail2ban"), PHONE: (60, "fail2ban")}
    site.desk.catch_up()
    assert site.stored.rows.keys() == {STRANGER}
    assert ["htable.setxi", "bans", STRANGER, 1, 60] in site.around.calls
    # A phone has registered from there in the meantime.
    assert site.around.kernel.keys() == {STRANGER}


def test_who_is_allowed_is_not_banned(site: Site) -> None:
    site.desk.told(Told(address=STRANGER, seconds=120, count=1, reason="flood"))
    site.allowlist.add(STRANGER)
    site.desk.catch_up()
    assert (site.stored.rows, site.around.kernel) == ({}, {})
    assert ["htable.delete", "bans", STRANGER] in site.around.calls
    site.around.kernel = {STRANGER: (60, "fail2ban")}
    site.desk.catch_up()
    assert (site.stored.rows, site.around.kernel) == ({}, {})
    refused = site.http.put(f"/api/v1/bans/{STRANGER}", json={})
    assert (refused.status_code, "allowlist" in refused.json()["error"]) == (422, True)


def test_what_the_kernel_has_lost_is_put_back(site: Site) -> None:
    site.desk.told(Told(address=STRANGER, seconds=120, count=1, reason="flood"))
    site.around.kernel.clear()
    site.stored.clock += timedelta(seconds=20)
    site.desk.catch_up()
    assert site.around.kernel == {STRANGER: (100, "flood")}
    site.stored.clock += timedelta(seconds=100)
    site.around.kernel.clear()
    site.desk.catch_up()
    assert site.around.kernel == {}


def test_bans_stand_before_kamailio_listens(site: Site) -> None:
    now = site.stored.clock
    site.stored.put(Ban(STRANGER, "flood", "flood", now, now + timedelta(seconds=30)))
    site.around.guard_away = True
    with pytest.raises(GuardAway):
        site.desk.stand()
    site.around.guard_away = False
    site.desk.stand()
    assert site.around.kernel == {STRANGER: (30, "flood")}


def test_without_its_guard_the_list_says_so(site: Site) -> None:
    site.desk.told(Told(address=STRANGER, seconds=120, count=1, reason="flood"))
    site.around.guard_away = True
    listed = site.http.get("/api/v1/bans").json()
    assert (listed["kernel"], listed["bans"][0]["kernel"]) == (False, False)
    assert site.http.delete(f"/api/v1/bans/{STRANGER}").status_code == 503
    assert STRANGER in site.stored.rows
