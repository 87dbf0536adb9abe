"""Dialogs, from what Kamailio tells to the rows that its next start reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.telemetry.lines import coded, leg

from ringwall.api.rows import dialogs_in
from ringwall.telemetry.events import BadEvent, Dialog, parse


def dialog(**changes: Any) -> Dialog:
    told = {
        "v": 1,
        "kind": "dialog",
        "sbc": "kamailio_sbc",
        "correlation": coded("a@phone"),
        "call_id": coded("a@phone"),
        "from_tag": coded("f1"),
        "to_tag": coded("t1"),
        "direction": "from-user",
        "caller": coded("1001"),
        "dialled": coded("600"),
        "source": "10.5.1.50",
        "source_port": "5060",
        "transport": "udp",
        "target": coded("sip:10.5.0.10:5060"),
        "pbx": "asterisk_1",
        "invited": "1795399477605",
        "ringing": "",
        "answered": "1795399477614",
        "profile": coded("RTP/AVP"),
        "entry": "12",
        "number": "3456",
        "from_uri": coded("sip:1001@sip.example.com"),
        "to_uri": coded("sip:600@sip.example.com"),
        "caller_cseq": "2",
        "callee_cseq": "0",
        "caller_contact": coded("sip:1001@10.5.1.50"),
        "callee_contact": coded("sip:10.5.0.10:5060"),
        "caller_route_set": "",
        "callee_route_set": "",
        "caller_socket": "udp:10.5.1.2:5060",
        "callee_socket": "udp:10.5.0.2:5060",
        "started": "1795399477",
        "lifetime": "43200",
        "node_uri": "sip:10.5.0.10:5060",
    }
    event = parse(json.dumps({**told, **changes}).encode())
    assert isinstance(event, Dialog)
    return event


def test_a_dialog_is_kept_as_the_module_itself_would() -> None:
    (kept,), over = dialogs_in([dialog()])
    assert over == []
    assert kept.place == (12, 3456)
    assert kept.columns["callid"] == "a@phone"
    assert kept.columns["state"] == 4
    assert kept.columns["timeout"] == 1795399477 + 43200
    assert json.loads(str(kept.columns["xdata"])) == {
        "profiles": [{"name": "node", "value": "asterisk_1"}, {"name": "user", "value": "1001"}]
    }
    assert kept.variables["cid"] == "a@phone"
    assert kept.variables["port"] == "5060"
    assert "ringing" not in kept.variables  # never set in Kamailio either


@pytest.mark.parametrize(
    ("direction", "user", "flags"),
    [("from-user", "1001", 1 + 4), ("to-user", "600", 1 + 2), ("pbx-pbx", "1001", 1 + 2 + 4)],
)
def test_only_the_pbx_is_asked_whether_it_lives(direction: str, user: str, flags: int) -> None:
    (kept,), _ = dialogs_in([dialog(direction=direction)])
    assert kept.columns["iflags"] == flags
    assert json.loads(str(kept.columns["xdata"]))["profiles"][1]["value"] == user


def test_what_came_last_counts() -> None:
    ended = leg(entry="12", number="3456")
    assert dialogs_in([dialog(), ended]) == ([], [(12, 3456)])
    (kept,), over = dialogs_in([ended, dialog(caller_cseq="3")])
    assert (kept.columns["caller_cseq"], over) == ("3", [])


def test_what_was_never_answered_was_never_kept() -> None:
    assert dialogs_in([leg(answered="", entry="1", number="2")]) == ([], [])


def test_what_cannot_be_kept_whole_is_not_kept() -> None:
    with pytest.raises(BadEvent, match="call_id"):
        dialog(call_id=coded("x" * 256))
