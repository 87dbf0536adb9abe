"""Floods, of some seconds: who sends them is banned, and calls go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ringwall.checks.audit import legit
from ringwall.checks.audit.case import Broken, Case
from ringwall.checks.audit.catalogue.requests import request
from ringwall.checks.audit.layers import Layer
from ringwall.checks.raw import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.audit.stage import Stage

_COUNT, _RATE = 1500, 750.0
_WITHIN_BUDGET = 20
"""Answers beyond the budget that are on their way when it is spent."""
_BAN_S = 15.0


def _flood(method: str, uri: str) -> Callable[[Stage], None]:
    """Return a flood of one method, within two seconds, from one address."""

    def attack(stage: Stage) -> None:
        wire = stage.wire()
        text = stage.filled(request(method, uri), Client(wire, stage.target, "udp"))
        text = text.replace("Call-ID: ", "Call-ID: {n}-").replace("z9hG4bK", "z9hG4bK{n}-")
        told = wire.flood(text.encode(), _COUNT, _RATE)
        budget = (stage.settings.security.flood.unknown.per_second or 0) * 10 + _WITHIN_BUDGET
        if told["answered"] > budget:
            raise Broken(f"{told['answered']} of {told['sent']} were answered; {budget} may be")
        _wait_banned(stage, wire.address)
        legit.call(stage, stage.fresh())

    return attack


def _wait_banned(stage: Stage, address: str) -> None:
    deadline = time.monotonic() + _BAN_S
    while all(ban["address"] != address for ban in stage.api.bans()["bans"]):
        if time.monotonic() > deadline:
            raise Broken("who flooded is not banned")
        time.sleep(0.3)


def _empty(stage: Stage) -> None:
    """Flood with datagrams that hold nothing but a keep-alive: nothing answers them."""
    told = stage.wire().flood(b"\r\n\r\n", _COUNT * 2, _RATE * 2)
    if told["answered"]:
        raise Broken(f"{told['answered']} of {told['sent']} were answered")
    legit.call(stage, stage.fresh())


def _case(name: str, what: str, attack: Callable[[Stage], None]) -> Case:
    return Case(f"flood-{name}", what, "RFC 3261 26.1.5", Layer.FLOOD, attack)


CASES = (
    *(
        _case(method.lower(), f"{_COUNT} {method} in two seconds", _flood(method, uri))
        for method, uri in (
            ("OPTIONS", "sip:{edge}"),
            ("REGISTER", "sip:{domain}"),
            ("INVITE", "sip:600@{domain}"),
            ("MESSAGE", "sip:{victim}@{domain}"),
            ("SUBSCRIBE", "sip:{victim}@{domain}"),
            ("FOO", "sip:600@{domain}"),
        )
    ),
    _case("keep-alives", f"{_COUNT * 2} keep-alives in two seconds", _empty),
)
