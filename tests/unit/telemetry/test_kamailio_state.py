"""The answers are those of a Kamailio 6.1.5."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx
import pytest

from ringwall.telemetry import kamailio_state
from ringwall.telemetry.kamailio_rpc import Json, KamailioRpc
from ringwall.telemetry.kamailio_state import Counts, Target


def kamailio(answers: Mapping[str, Json]) -> KamailioRpc:
    def handle(request: httpx.Request) -> httpx.Response:
        method = json.loads(request.content)["method"]
        return httpx.Response(200, json={"jsonrpc": "2.0", "result": answers[method], "id": 1})

    return KamailioRpc("http://kamailio/RPC", transport=httpx.MockTransport(handle))


def destination(uri: str, flags: str, attributes: str | None) -> Json:
    return {"DEST": {"URI": uri, "FLAGS": flags, "PRIORITY": 0, "ATTRS": {"BODY": attributes}}}


def test_targets_of_all_sets() -> None:
    one = destination("sip:10.5.0.10:5060", "AP", "node=asterisk_1;weight=50")
    two = destination("sip:10.5.0.11:5060", "IP", "node=asterisk_2")
    bare: Json = {"DEST": {"URI": "sip:10.5.0.12", "FLAGS": "AX"}}
    answer: Json = {
        "NRSETS": 2,
        "RECORDS": [
            {"SET": {"ID": 1, "TARGETS": [one, two]}},
            {"SET": {"ID": 2, "TARGETS": [bare]}},
        ],
    }
    assert kamailio_state.targets(kamailio({"dispatcher.list": answer})) == [
        Target("asterisk_1", "sip:10.5.0.10:5060", "up"),
        Target("asterisk_2", "sip:10.5.0.11:5060", "down"),
        Target(None, "sip:10.5.0.12", "unknown"),
    ]


@pytest.mark.parametrize("answer", [None, {}, [], "x", {"RECORDS": [{"SET": None}, 5]}])
def test_an_answer_without_targets_is_empty(answer: Json) -> None:
    assert kamailio_state.targets(kamailio({"dispatcher.list": answer})) == []


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ("AP", "up"),
        ("TP", "up"),
        ("TX", "up"),
        ("IP", "down"),
        ("IX", "down"),
        ("DX", "down"),
        ("DP", "down"),
        ("AX", "unknown"),
        ("", "unknown"),
    ],
)
def test_flags(flags: str, state: str) -> None:
    assert kamailio_state.node_state(flags) == state


def test_counts() -> None:
    answer: Json = {"usrloc.registered_users": 7, "dialog.active_dialogs": 3}
    assert kamailio_state.counts(kamailio({"stats.fetchn": answer})) == Counts(7, 3)


def registrations(number: int, *names: str) -> KamailioRpc:
    domain: Json = {"Domain": "location", "AoRs": [{"AoR": name} for name in names]}
    return kamailio(
        {
            "stats.fetchn": {"usrloc.registered_users": number, "dialog.active_dialogs": 0},
            "ul.dump": {"Domains": [{"Domain": domain}]},
        }
    )


def test_registered_addresses_of_record() -> None:
    rpc = registrations(2, "1001@sip.example.com", "Alice@sip.example.com")
    expected = frozenset({"1001@sip.example.com", "alice@sip.example.com"})
    assert kamailio_state.registered(rpc) == expected


def test_too_many_registrations_are_not_asked_for() -> None:
    assert kamailio_state.registered(registrations(kamailio_state.DUMP_LIMIT + 1)) is None
