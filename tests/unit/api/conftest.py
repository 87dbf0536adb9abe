"""A control whose database is a dictionary and whose neighbours are told what to answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ringwall.api import app
from ringwall.api.bans import BanDesk
from ringwall.api.blocks import BlockDesk
from ringwall.api.board import Board
from ringwall.api.calls import Calls
from ringwall.api.desk import Desk
from ringwall.api.guard import Access
from ringwall.api.mailboxes import Mailboxes
from ringwall.api.pushes import PushDesk
from ringwall.api.registered import RegistrationDesk
from ringwall.api.verdicts import VerdictDesk
from ringwall.config.model import Settings
from ringwall.security import tokens
from ringwall.store.bans import StoredBans
from ringwall.store.blocks import StoredBlocks
from ringwall.store.cdrs import COLUMNS, Cdrs, NoSuchCall, Record, Wanted
from ringwall.store.database import Database, DatabaseAway
from ringwall.store.subscribers import Account, NoSuchSubscriber, SubscriberExists, Subscribers
from ringwall.store.verdicts import Asked, StoredVerdicts, VerdictRow
from ringwall.telemetry.ami import AmiError
from ringwall.telemetry.guard import Guard
from ringwall.telemetry.kamailio_rpc import Json, KamailioRpc

from .phones import FakeOutbox, FakeStored, FakeWorker, Registrar
from .switch import Refused, Stored, Switch

TOKEN, PROMETHEUS = "good-token", "10.5.0.12"


class Http:
    """A client of the app itself, without a socket."""

    def __init__(self, api: FastAPI, sender: str = "127.0.0.1") -> None:
        self.app = api
        self._transport = httpx.ASGITransport(
            api, raise_app_exceptions=False, client=(sender, 40000)
        )

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport,
                base_url="http://control",
                headers={"Authorization": f"Bearer {TOKEN}"},
            ) as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())


class FakeDatabase(Database):
    def __init__(self) -> None:
        self.away = False

    def ping(self) -> None:
        if self.away:
            raise DatabaseAway("MariaDB at 10.5.0.3:3306: refused", "see `docker ps`")


class FakeSubscribers(Subscribers):
    """The same promises, without SQL."""

    def __init__(self, database: FakeDatabase) -> None:
        self.rows: dict[str, Account] = {}
        self.on_disk: frozenset[str] = frozenset()
        self.database = database
        self.domain = "sip.example.com"

    def names(self) -> list[str]:
        self.database.ping()
        return sorted(self.rows)

    def taken(self, usernames: Sequence[str]) -> frozenset[str]:
        self.database.ping()
        known = {name.lower() for name in self.rows}
        return frozenset(name.lower() for name in usernames) & known

    def add(self, accounts: Sequence[Account]) -> None:
        if self.taken([account.username for account in accounts]):
            raise SubscriberExists("a subscriber exists")
        self.rows |= {account.username: account for account in accounts}

    def groups(self) -> dict[str, str]:
        return {name: each.group for name, each in self.rows.items() if each.group}

    def put_into(self, username: str, group: str | None) -> None:
        self._find(username)
        self.rows[username] = replace(self.rows[username], group=group)

    def change(self, username: str, md5: str, sha256: str) -> None:
        self._find(username)
        self.rows[username] = Account(username, md5, sha256, None)

    def remove(self, username: str) -> None:
        self._find(username)
        del self.rows[username]

    def mailboxes(
        self, eligible: Callable[[str], bool], make_pin: Callable[[], str]
    ) -> dict[str, str]:
        return {
            name: account.pin or make_pin()
            for name, account in sorted(self.rows.items())
            if eligible(name)
        }

    def registered(self) -> frozenset[str]:
        self.database.ping()
        return self.on_disk

    def _find(self, username: str) -> None:
        self.database.ping()
        if username not in self.rows:
            raise NoSuchSubscriber(f"there is no subscriber {username}")


@dataclass
class FakeKamailio:
    """Answers as its fields say; ``calls`` are the methods with their parameters."""

    away: bool = False
    refused: set[str] = field(default_factory=set)
    registered: list[str] = field(default_factory=list)
    locked_out: list[str] = field(default_factory=list)
    flags: dict[str, str] = field(default_factory=lambda: {"asterisk_1": "AP", "asterisk_2": "IP"})
    calls: list[list[Json]] = field(default_factory=list)
    switch: Switch = field(default_factory=Switch)
    registrar: Registrar = field(default_factory=Registrar)

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        body = json.loads(request.content)
        method = body["method"]
        self.calls.append([method, *body["params"]])
        if method in self.refused:
            return _error(500)
        try:
            result = self._answer(method, body["params"])
        except Refused as error:
            return _error(error.args[0])
        return httpx.Response(200, json={"jsonrpc": "2.0", "result": result, "id": 1})

    def _answer(self, method: str, params: list[Any]) -> Json:
        if method.startswith(("dlg.", "tm.", "htable.sets")):
            return self.switch.answer(method, params)
        if method in {"ul.lookup", "ul.rm_contact"} or (method, params) == ("ul.dump", []):
            found: Json = self.registrar.answer(method, params)
            return found
        if params == ["usrloc:location_contacts"]:
            return {"usrloc.location_contacts": self.registrar.count()}
        aors: list[Json] = [{"AoR": name} for name in self.registered]
        targets: list[Json] = [
            {"DEST": {"URI": "sip:x", "FLAGS": flags, "ATTRS": {"BODY": f"node={name}"}}}
            for name, flags in self.flags.items()
        ]
        slot: list[Json] = [{"name": name, "value": 1, "type": "int"} for name in self.locked_out]
        answers: dict[str, Json] = {
            "htable.dump": [{"entry": 1, "size": len(slot), "slot": slot}],
            "ul.dump": {"Domains": [{"Domain": {"AoRs": aors}}]},
            "stats.fetchn": {"usrloc.registered_users": len(aors), "dialog.active_dialogs": 4},
            "dispatcher.list": {"RECORDS": [{"SET": {"ID": 1, "TARGETS": targets}}]},
        }
        return answers.get(method, {})


def _error(code: int) -> httpx.Response:
    message = {404: "Contact not found"}.get(code, "Htable reload failed; AOR not found")
    error = {"code": code, "message": message}
    return httpx.Response(code, json={"jsonrpc": "2.0", "error": error, "id": 1})


def record(**values: Any) -> Record:
    """A call on record."""
    began = datetime(2030, 5, 17, 8, 0, 0, 250_000, UTC)
    ended = datetime(2030, 5, 17, 8, 0, 10, tzinfo=UTC)
    made: Record = dict.fromkeys(COLUMNS, None) | {
        "correlation_id": "first", "sbc_node": "kamailio_sbc", "caller": "1001",
        "dialled": "1002", "number": "1002", "source_address": "10.5.1.50", "source_port": 5060,
        "transport": "udp", "pbx_node": "asterisk_1", "invited_at": began, "answered_at": began,
        "ended_at": ended, "ring_ms": 0, "duration_ms": 9750, "result": "answered",
        "sip_code": 200, "reason": "", "hangup_by": "caller", "codec": "PCMU", "srtp": True,
        "mos_average": 4.3, "masked": False,
    }  # fmt: skip
    made |= values
    return made | {"call_ids": [made["correlation_id"], "b-leg"]}


class FakeCdrs(Cdrs):
    """Calls on record, without SQL; ``asked`` is what for."""

    def __init__(self, database: FakeDatabase) -> None:
        self.database = database
        self.records: list[Record] = []
        self.asked: list[tuple[Wanted, int]] = []

    def recent(self, wanted: Wanted, limit: int) -> list[Record]:
        self.database.ping()
        self.asked.append((wanted, limit))
        return self.records[:limit]

    def pages(self, wanted: Wanted) -> Iterator[list[Record]]:
        self.database.ping()
        self.asked.append((wanted, 0))
        yield from ([each] for each in self.records)

    def one(self, call_id: str) -> tuple[Record, list[Record]]:
        for each in self.records:
            if each["correlation_id"] == call_id:
                tags = {"call_id": call_id, "from_tag": "a", "to_tag": "b", "target": ""}
                leg = each | tags | {"direction": "from-user", "callee": "", "profile": "RTP/AVP"}
                return each, [leg]
        raise NoSuchCall(f"no call {call_id} is on record")


class FakeVerdicts(StoredVerdicts):
    def __init__(self) -> None:
        self.asked: list[tuple[Asked, int]] = []
        self.rows: list[VerdictRow] = []

    def recent(self, asked: Asked, limit: int) -> list[VerdictRow]:
        self.asked.append((asked, limit))
        return self.rows[:limit]


@dataclass
class FakeAsterisks:
    away: set[str] = field(default_factory=set)
    reloads: list[tuple[str, str, str]] = field(default_factory=list)

    def reload(self, address: str, secret: str, module: str) -> None:
        if address in self.away:
            raise AmiError(f"Asterisk at {address} does not answer (refused)")
        self.reloads.append((address, secret, module))


@dataclass
class Control:
    database: FakeDatabase
    subscribers: FakeSubscribers
    kamailio: FakeKamailio
    asterisks: FakeAsterisks
    desk: Desk
    pbx: Path
    http: Http
    tokens: Path
    cdrs: FakeCdrs
    dialogs: Stored
    phones: FakeStored
    outbox: FakeOutbox
    worker: FakeWorker
    verdicts: FakeVerdicts
    media: bool = True

    @property
    def switch(self) -> Switch:
        return self.kamailio.switch

    @property
    def mailboxes(self) -> list[str]:
        return (self.pbx / "mailboxes.conf").read_text().splitlines()[1:]


@pytest.fixture
def control(tmp_path: Path) -> Control:
    database, kamailio, asterisks = FakeDatabase(), FakeKamailio(), FakeAsterisks()
    subscribers = FakeSubscribers(database)
    rpc = KamailioRpc("http://kamailio/RPC", transport=httpx.MockTransport(kamailio.handle))
    mailboxes = Mailboxes(tmp_path, Settings(), "ami-secret", asterisks.reload)
    desk = Desk(subscribers, rpc, mailboxes, ["603"])
    board = Board(Settings().pbx.nodes, database, rpc, lambda: made.media)
    path = tmp_path / "tokens.json"
    path.write_bytes(tokens.dump([tokens.Token("cli", tokens.digest(TOKEN))]))
    cdrs, dialogs = FakeCdrs(database), Stored()
    calls = Calls(rpc, dialogs, sleep=lambda _seconds: None)
    access = Access(tokens.TokenFile(path), frozenset({IPv4Address(PROMETHEUS)}))
    api = app.make(desk, board, cdrs, calls, access)
    phones, outbox, worker = FakeStored(), FakeOutbox(), FakeWorker()
    registered = RegistrationDesk(rpc, phones, subscribers.domain)
    app.add_registrations(api, registered, PushDesk(outbox, worker))
    verdicts = FakeVerdicts()
    app.add_verdicts(api, VerdictDesk(verdicts))
    guard = Guard("http://guard")
    app.add_blocks(api, BlockDesk(StoredBlocks(database), rpc, guard, ()))
    app.add_bans(api, BanDesk(StoredBans(database), rpc, guard, (), lambda _: False))
    made = Control(
        database, subscribers, kamailio, asterisks, desk, tmp_path, Http(api), path, cdrs, dialogs,
        phones, outbox, worker, verdicts,
    )  # fmt: skip
    return made
