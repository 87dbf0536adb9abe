"""Legs to try things with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ringwall.store.calls import LegRow

START = datetime(2026, 11, 23, 2, 0, 0)  # noqa: DTZ001 - as the tables have it


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


_ANSWERED = LegRow(
    correlation_id="a@phone",
    call_id="a@phone",
    from_tag="f1",
    to_tag="t1",
    sbc_node="kamailio_sbc",
    direction="from-user",
    caller="1001",
    callee="1002",
    dialled="1002",
    source_address="10.5.1.50",
    source_port=5060,
    transport="udp",
    target="10.5.0.10:5060",
    pbx_node="asterisk_1",
    invited_at=at(0),
    ringing_at=at(1),
    answered_at=at(5),
    ended_at=at(65),
    sip_code=200,
    reason="",
    hangup_by="caller",
    profile="RTP/SAVP",
    codec="",
    srtp=True,
    mos_average=4.3,
    mos_min=4.1,
    loss=0.0,
    jitter=2.0,
    loss_caller=0.0,
    loss_callee=0.0,
    jitter_caller=2.0,
    jitter_callee=1.0,
    round_trip=20.0,
)


def answered(**changes: Any) -> LegRow:
    return replace(_ANSWERED, **changes)


def failed(code: int = 486, **changes: Any) -> LegRow:
    never: dict[str, Any] = {"to_tag": "", "answered_at": None, "sip_code": code, "hangup_by": ""}
    return replace(_ANSWERED, **{**never, **changes})


def second(**changes: Any) -> LegRow:
    """The leg from the PBX to the user who is called."""
    other: dict[str, Any] = {"call_id": "b@pbx", "from_tag": "f2", "to_tag": "t2"}
    other |= {"direction": "to-user", "source_address": "10.5.0.10"}
    return replace(_ANSWERED, **{**other, **changes})
