"""A control whose database is a dictionary and whose neighbours are told what to answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ringwall.api import app
from ringwall.api.board import Board
from ringwall.api.desk import Desk
from ringwall.api.mailboxes import Mailboxes
from ringwall.config.model import Settings
from ringwall.security import tokens
from ringwall.store.database import Database, DatabaseAway
from ringwall.store.subscribers import Account, NoSuchSubscriber, SubscriberExists, Subscribers
from ringwall.telemetry.ami import AmiError
from ringwall.telemetry.kamailio_rpc import Json, KamailioRpc

TOKEN = "good-token"


class Http:
    """A client of the app itself, without a socket."""

    def __init__(self, api: FastAPI) -> None:
        self._transport = httpx.ASGITransport(api, raise_app_exceptions=False)

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
    flags: dict[str, str] = field(default_factory=lambda: {"asterisk_1": "AP", "asterisk_2": "IP"})
    calls: list[list[Json]] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        body = json.loads(request.content)
        method = body["method"]
        self.calls.append([method, *body["params"]])
        if method in self.refused:
            error = {"code": 500, "message": "Htable reload failed"}
            return httpx.Response(500, json={"jsonrpc": "2.0", "error": error, "id": 1})
        return httpx.Response(200, json={"jsonrpc": "2.0", "result": self._answer(method), "id": 1})

    def _answer(self, method: str) -> Json:
        aors: list[Json] = [{"AoR": name} for name in self.registered]
        targets: list[Json] = [
            {"DEST": {"URI": "sip:x", "FLAGS": flags, "ATTRS": {"BODY": f"node={name}"}}}
            for name, flags in self.flags.items()
        ]
        answers: dict[str, Json] = {
            "ul.dump": {"Domains": [{"Domain": {"AoRs": aors}}]},
            "stats.fetchn": {"usrloc.registered_users": len(aors), "dialog.active_dialogs": 4},
            "dispatcher.list": {"RECORDS": [{"SET": {"ID": 1, "TARGETS": targets}}]},
        }
        return answers.get(method, {})


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
    media: bool = True

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
    api = app.make(desk, board, tokens.TokenFile(path))
    made = Control(database, subscribers, kamailio, asterisks, desk, tmp_path, Http(api), path)
    return made
