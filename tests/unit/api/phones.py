"""Registrations and pushes without Kamailio, SQL and a worker."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ringwall.store.outbox import Backlog, NoSuchPush, Outbox, PushRow
from ringwall.store.registrations import Filter, Row, StoredRegistrations
from ringwall.telemetry.push_courier import Counters
from ringwall.telemetry.registrations import Registrations

from .switch import Refused

MOMENT = datetime(2030, 5, 17, 8, 0, 0, 250_000, UTC)


def document(number: int) -> dict[str, Any]:
    return {
        "version": 1, "id": f"{number:064x}", "event": "register",
        "at": "2030-05-17T08:00:00.250Z", "node": "kamailio_sbc", "user": "1001",
        "domain": "sip.example.com", "contact": "sip:1001@a", "received": None,
        "source_address": "10.5.1.50", "source_port": 5060, "transport": "udp",
        "user_agent": None, "expires": 600, "call_id": "c", "cseq": number, "reason": None,
    }  # fmt: skip


@dataclass
class Registrar:
    """Kamailio's usrloc, by its RPC; ``contacts`` by user."""

    contacts: dict[str, list[str]] = field(default_factory=dict)
    number: int | None = None

    def answer(self, method: str, params: list[Any]) -> Any:
        if method == "ul.dump":
            entries = [{"Info": self._entry(user)} for user in self.contacts]
            return {"Domains": [{"Domain": {"Domain": "location", "AoRs": entries}}]}
        user = str(params[1]).removesuffix("@sip.example.com")
        if method == "ul.lookup":
            if user not in self.contacts:
                raise Refused(500)
            return self._entry(user)
        if params[2] not in self.contacts.get(user, []):
            raise Refused(404)
        self.contacts[user].remove(params[2])
        if not self.contacts[user]:
            del self.contacts[user]
        return {}

    def count(self) -> int:
        return self.number or sum(map(len, self.contacts.values()))

    def _entry(self, user: str) -> dict[str, Any]:
        rows = [
            {
                "Address": contact, "Expires": 600, "Call-ID": "c", "CSeq": 2, "Path": "[not set]",
                "User-Agent": "phone", "Received": "[not set]", "Socket": "udp:10.5.1.2:5060",
            }
            for contact in self.contacts[user]
        ]  # fmt: skip
        return {
            "AoR": f"{user}@sip.example.com",
            "HashID": 1,
            "Contacts": [{"Contact": row} for row in rows],
        }


class FakeStored(StoredRegistrations):
    def __init__(self) -> None:
        self.asked: list[tuple[Any, int]] = []
        self.events = [document(number) | {"number": number} for number in (3, 2, 1)]

    def contacts(self, user: str | None, most: int) -> list[Row]:
        self.asked.append((user, most))
        return [
            {
                "user": "1001", "domain": "sip.example.com", "contact": "sip:stored",
                "received": None, "expires": 60, "user_agent": "", "call_id": "c", "cseq": 1,
                "socket": None,
            }
        ]  # fmt: skip

    def history(self, wanted: Filter, most: int) -> list[Row]:
        self.asked.append((wanted, most))
        return self.events[:most]


class FakeOutbox(Outbox):
    def __init__(self) -> None:
        row = PushRow(
            1, f"{1:064x}", "1001", "sip.example.com", "register", MOMENT, "parked", 9,
            "answers 500", MOMENT, None, None,
        )  # fmt: skip
        self.table = {1: row, 2: replace(row, id=2, state="sent")}
        self.oldest: datetime | None = None
        self.asked: list[tuple[Any, ...]] = []

    def backlog(self) -> Backlog:
        return Backlog(1 if self.oldest else 0, 1, self.oldest)

    def rows(
        self, state: str | None, user: str | None, before: int | None, most: int
    ) -> list[PushRow]:
        self.asked.append((state, user, before, most))
        return [each for each in self.table.values() if state in {None, each.state}]

    def row(self, number: int) -> tuple[PushRow, str]:
        if number not in self.table:
            raise NoSuchPush(f"there is no push {number}")
        return self.table[number], json.dumps(document(number))

    def retry(self, number: int | None, now: datetime) -> int:
        self.asked.append(("retry", number))
        return 1

    def purge(self, state: str, before: datetime | None) -> int:
        self.asked.append(("purge", state, before))
        return 7


class FakeWorker(Registrations):
    def __init__(self) -> None:
        self.counted = Counters()
        self.retries = 0

    @property
    def counters(self) -> Counters:
        return self.counted

    def retry(self) -> None:
        self.retries += 1
