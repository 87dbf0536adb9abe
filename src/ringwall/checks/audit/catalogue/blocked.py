"""Sources that an operator has blocked: over each transport, alone and as a part of a network."""

from __future__ import annotations

import time
from contextlib import contextmanager
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from ringwall.checks.audit.case import Broken, Case
from ringwall.checks.audit.layers import Layer, only_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringwall.checks.audit.stage import Stage
    from ringwall.checks.phone import Transport
    from ringwall.checks.raw import Client

_EFFECTIVE_S = 2.0
_APPLIES = only_with(
    lambda settings: settings.security.blocklist.enabled,
    "the blocklist is off here (security.blocklist.enabled)",
)


def _refused(transport: Transport, length: int) -> Callable[[Stage], None]:
    """Return an attack: OPTIONS from an address that was blocked a moment ago."""

    def attack(stage: Stage) -> None:
        source = stage.fresh()
        network = str(IPv4Network((source, length), strict=False))
        if not _is_answered(stage, transport, source):
            raise Broken(f"{source} was not answered before it was blocked")
        with _blocked(stage, network):
            deadline = time.monotonic() + _EFFECTIVE_S
            while _is_answered(stage, transport, source):
                if time.monotonic() > deadline:
                    raise Broken(f"{network} is blocked, and answered {_EFFECTIVE_S:g} s later")
            stage.expect_verdict(source, "blocklisted")
        if not _is_answered(stage, transport, source):
            raise Broken(f"{network} is blocked no more, and not answered")

    return attack


@contextmanager
def _blocked(stage: Stage, network: str) -> Iterator[None]:
    stage.api.put_block(network, "block", "ringwall audit", 600)
    try:
        yield
    finally:
        stage.api.remove_block(network)


def _is_answered(stage: Stage, transport: Transport, source: str) -> bool:
    """Whether OPTIONS is, on a connection of its own."""
    try:
        with stage.stranger(transport, source=source) as client:
            return _asked(stage, client)
    except OSError:
        return False


def _asked(stage: Stage, client: Client) -> bool:
    dialog = stage.dialog(stage.cast.victim)
    client.patience(1)
    return client.ask("OPTIONS", dialog, uri=f"sip:{stage.target}").status == 200


def _case(transport: Transport, length: int, what: str) -> Case:
    name = f"blocked-{transport}" + ("" if length == 32 else f"-{length}")
    attack = _refused(transport, length)
    return Case(name, what, "docs/security/blocklist.md", Layer.BLOCKLIST, attack, _APPLIES)


CASES = (
    _case("udp", 32, "a blocked address, over UDP"),
    _case("tcp", 32, "a blocked address, over TCP"),
    _case("tls", 32, "a blocked address, over TLS"),
    _case("udp", 31, "an address of a blocked network"),
)
