"""From what Kamailio tells to what the tables hold."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ringwall.store.calls import LegRow
from ringwall.store.kept_dialogs import KeptDialog, Place
from ringwall.store.records import RegistrationRow
from ringwall.store.verdicts import VerdictRow
from ringwall.telemetry.events import Dialog, Event, Leg, Registration, Verdict, moment
from ringwall.telemetry.registration_document import document_of

_CONFIRMED = 4
# Kamailio's module `dialog`: a BYE at the time-out, keep-alives to the caller, to the callee.
_TIMEOUT_BYE, _ASK_CALLER, _ASK_CALLEE = 1, 2, 4
_ASKED = {
    # As routes/to_pbx.cfg and to_user.cfg have it: only the PBX is asked.
    "from-user": _ASK_CALLEE,
    "to-user": _ASK_CALLER,
    "pbx-pbx": _ASK_CALLER | _ASK_CALLEE,
}


def dialogs_in(events: Sequence[Event]) -> tuple[list[KeptDialog], list[Place]]:
    """Return the dialogs that go on after these events, and the places of those that are over."""
    last: dict[Place, KeptDialog | None] = {}
    for event in events:
        if isinstance(event, Dialog):
            last[event.entry, event.number] = _kept(event)
        elif isinstance(event, Leg) and event.answered:
            last[event.entry, event.number] = None
    kept = [each for each in last.values() if each]
    return kept, [place for place, each in last.items() if each is None]


def _kept(event: Dialog) -> KeptDialog:
    columns: dict[str, str | int] = {
        "callid": event.call_id,
        "from_uri": event.from_uri,
        "from_tag": event.from_tag,
        "to_uri": event.to_uri,
        "to_tag": event.to_tag,
        "caller_cseq": event.caller_cseq,
        "callee_cseq": event.callee_cseq,
        "caller_route_set": event.caller_route_set,
        "callee_route_set": event.callee_route_set,
        "caller_contact": event.caller_contact,
        "callee_contact": event.callee_contact,
        "caller_sock": event.caller_socket,
        "callee_sock": event.callee_socket,
        "state": _CONFIRMED,
        "start_time": event.started,
        "timeout": event.started + event.lifetime,
        "sflags": 0,
        "iflags": _TIMEOUT_BYE | _ASKED[event.direction],
        "req_uri": event.to_uri,
        "xdata": _profiles(event),
    }
    return KeptDialog((event.entry, event.number), columns, _variables(event))


def _profiles(event: Dialog) -> str:
    """As the module `dialog` writes its profiles: who the call counts for."""
    user = event.dialled if event.direction == "to-user" else event.caller
    counted = {"node": event.pbx, "user": user}
    return json.dumps(
        {"profiles": [{"name": name, "value": value} for name, value in counted.items()]}
    )


def _variables(event: Dialog) -> dict[str, str]:
    """The variables of the dialog by the names that routes/records.cfg gives them."""
    told = {
        "cid": event.correlation,
        "direction": event.direction,
        "caller": event.caller,
        "dialled": event.dialled,
        "invited": event.invited,
        "source": event.source,
        "port": event.source_port,
        "transport": event.transport,
        "target": event.target,
        "node": event.pbx,
        "uri": event.node_uri,
        "held": event.held,
        "ringing": event.ringing,
        "answered": event.answered,
        "profile": event.profile,
    }
    return {name: value for name, value in told.items() if value}


def leg_row(leg: Leg) -> LegRow:
    """Return the row of ``cdr_legs`` that an event makes."""
    return LegRow(
        correlation_id=leg.correlation,
        call_id=leg.call_id,
        from_tag=leg.from_tag,
        to_tag=leg.to_tag if leg.answered else "",
        sbc_node=leg.sbc,
        direction=leg.direction,
        caller=leg.caller,
        callee=leg.callee or leg.dialled,
        dialled=leg.dialled,
        source_address=leg.source,
        source_port=leg.source_port,
        transport=leg.transport,
        target=leg.target,
        pbx_node=leg.pbx,
        invited_at=moment(leg.invited or leg.answered or leg.ended),
        ringing_at=moment(leg.ringing) if leg.ringing else None,
        answered_at=moment(leg.answered) if leg.answered else None,
        ended_at=moment(leg.ended),
        sip_code=leg.code,
        reason=leg.reason,
        hangup_by=leg.hangup,
        profile=leg.profile,
        codec=leg.codec,
        srtp=leg.srtp,
        **leg.media.model_dump(),
    )


def registration_row(event: Registration, state: str) -> RegistrationRow:
    """Return the row of the outbox that an event makes."""
    return RegistrationRow(
        event.event_id,
        event.user,
        event.domain,
        event.event,
        moment(event.at),
        document_of(event),
        state,
    )


def verdict_row(event: Verdict) -> VerdictRow:
    """Return the row of ``verdicts`` that an event makes."""
    return {
        "event_id": event.event_id,
        "at": moment(event.at),
        "sbc_node": event.sbc,
        "reason": event.reason,
        "action": event.action,
        "sip_code": event.code,
        "class": event.class_,
        "source_address": event.source,
        "source_port": event.source_port,
        "transport": event.transport,
        "method": event.method,
        "call_id": event.call_id,
        "user": event.user,
        "dialled": event.dialled,
        "user_agent": event.user_agent,
        "count": event.count,
    }
