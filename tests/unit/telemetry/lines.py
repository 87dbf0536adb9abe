"""Lines as Kamailio sends them."""

from __future__ import annotations

import base64
import json
from typing import Any

from ringwall.telemetry.events import Leg, Registration, Verdict, parse


def coded(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def leg_line(**changes: Any) -> bytes:
    told: dict[str, Any] = {
        "v": 1,
        "kind": "leg",
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
        "target": "",
        "pbx": "asterisk_1",
        "invited": "1795399477605",
        "ringing": "",
        "answered": "1795399477614",
        "ended": "1795399482444",
        "code": "200",
        "reason": "",
        "hangup": "caller",
        "profile": coded("RTP/AVP"),
    }
    return json.dumps({**told, **changes}).encode()


def registration_line(**changes: Any) -> bytes:
    told: dict[str, Any] = {
        "v": 1,
        "kind": "registration",
        "sbc": "kamailio_sbc",
        "event": "register",
        "user": coded("1001"),
        "domain": "sip.example.com",
        "contact": coded("sip:1001@10.5.1.50:5060"),
        "received": "",
        "source": "10.5.1.50",
        "source_port": "5060",
        "transport": "udp",
        "user_agent": coded("baresip"),
        "expires": coded("3600"),
        "call_id": coded("r@phone"),
        "cseq": "39588",
        "at": "1795399477595",
        "reason": "",
    }
    return json.dumps({**told, **changes}).encode()


def verdict_line(**changes: Any) -> bytes:
    told: dict[str, Any] = {
        "v": 1,
        "kind": "verdict",
        "sbc": "kamailio_sbc",
        "at": "1795399477595",
        "window": "897699738",
        "reason": "no-dialog",
        "action": "refused",
        "code": "481",
        "class": "unknown",
        "source": "198.51.100.7",
        "source_port": "5060",
        "transport": "udp",
        "method": coded("BYE"),
        "call_id": coded("v@phone"),
        "user": coded("1001"),
        "dialled": coded("600"),
        "user_agent": coded("baresip"),
        "count": "1",
    }
    return json.dumps({**told, **changes}).encode()


def verdict(**changes: Any) -> Verdict:
    event = parse(verdict_line(**changes))
    assert isinstance(event, Verdict)
    return event


def leg(**changes: Any) -> Leg:
    event = parse(leg_line(**changes))
    assert isinstance(event, Leg)
    return event


def registration(**changes: Any) -> Registration:
    event = parse(registration_line(**changes))
    assert isinstance(event, Registration)
    return event
