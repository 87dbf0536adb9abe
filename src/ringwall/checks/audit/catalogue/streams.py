"""TCP: slow, idle, broken and endless connections."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ringwall.checks.audit import legit
from ringwall.checks.audit.case import CLOSED, SILENCE, Broken, Case, Outcome, Sends
from ringwall.checks.audit.catalogue.requests import request
from ringwall.checks.audit.layers import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.audit.attacker import RemoteWire
    from ringwall.checks.audit.stage import Stage

_PING = request("OPTIONS", "sip:{edge}")
_IDLE, _HOSTS = 300, 3
_SLOW, _SLOW_S = 40, 4.0


def _meanwhile(stage: Stage) -> None:
    """A legitimate call, from an address of its own, while the attack goes on."""
    legit.call(stage, stage.fresh())


def _idle(stage: Stage) -> None:
    """Open connections from three addresses, say nothing, and have a phone call."""
    opened = 0
    for _ in range(_HOSTS):
        source = stage.fresh()
        with suppress(OSError):  # what one address may have is limited
            for _ in range(_IDLE):
                stage.wire("tcp", source=source)
                opened += 1
    if not opened:
        raise Broken("not a single connection could be opened: nothing was tried")
    _meanwhile(stage)


def _slowloris(stage: Stage) -> None:
    """Send requests byte by byte over many connections, and have a phone call meanwhile."""
    source = stage.fresh()
    wires = [stage.wire("tcp", source=source) for _ in range(_SLOW)]
    text = b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x\r\nX: "
    begun = time.monotonic()
    at = 0
    while time.monotonic() - begun < _SLOW_S:
        _drip(wires, text[at % len(text) : at % len(text) + 1])
        at += 1
        if at == 2:
            _meanwhile(stage)


def _drip(wires: list[RemoteWire], byte: bytes) -> None:
    for wire in list(wires):
        try:
            wire.send(byte)
        except OSError:  # closed by the SBC, which is as good
            wires.remove(wire)


def _endless(stage: Stage) -> None:
    """Send a header that never ends; the SBC has to end the connection."""
    wire = stage.wire("tcp")
    wire.send(b"OPTIONS sip:x SIP/2.0\r\nX: ")
    try:
        for _ in range(64):
            wire.send(b"x" * 16_384)
        came = wire.receive(5)
    except TimeoutError:
        raise Broken("a header of one megabyte was taken") from None
    except OSError:
        return
    raise Broken(f"a header of one megabyte was answered: {came[:40]!r}")


def _half(stage: Stage) -> None:
    """Send half a request, and go away; a hundred times."""
    source = stage.fresh()
    for _ in range(100):
        wire = stage.wire("tcp", source=source)
        wire.send(b"INVITE sip:600@x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9")
        wire.close()


def _web(stage: Stage) -> None:
    """Ask for the management pages over the SIP port."""
    source = stage.fresh()
    for path in ("/RPC", "/metrics", "/"):
        wire = stage.wire("tcp", source=source)
        body = '{"jsonrpc":"2.0","method":"core.info","id":1}'
        wire.send(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        try:
            came = wire.receive(1.5)
        except OSError:
            continue
        if b"200 OK" in came or b"jsonrpc" in came or b"kam_" in came:
            raise Broken(f"{path} was answered: {came[:80]!r}")


def _keep_alives(stage: Stage) -> None:
    """Send a megabyte of keep-alives (RFC 5626) over one connection."""
    wire = stage.wire("tcp")
    with suppress(OSError):
        for _ in range(64):
            wire.send(b"\r\n\r\n" * 4096)
    _meanwhile(stage)


def _over_tcp(name: str, what: str, text: str, *answers: Outcome) -> Case:
    send = Sends(text, answers, transport="tcp", port=0)
    return Case(f"tcp-{name}", what, "RFC 3261 18.3", Layer.SANITY, send)


def _scripted(name: str, what: str, origin: str, attack: Callable[[Stage], None],
              layer: Layer = Layer.FLOOD) -> Case:  # fmt: skip
    return Case(f"tcp-{name}", what, origin, layer, attack)


CASES = (
    _scripted("idle", f"{_IDLE} idle connections from each of {_HOSTS} addresses",
              "connection exhaustion", _idle),
    _scripted("slowloris", f"{_SLOW} connections, a byte at a time", "Slowloris", _slowloris),
    _scripted("endless-header", "a header of one megabyte", "RFC 3261 18.3", _endless,
              Layer.SANITY),
    _scripted("half-requests", "100 requests that break off", "RFC 3261 18.3", _half,
              Layer.SANITY),
    _scripted("http", "JSON-RPC and metrics over the SIP port", "kamailio xhttp", _web,
              Layer.NETWORK),
    _scripted("keep-alives", "a megabyte of keep-alives", "RFC 5626 4.4.1", _keep_alives),
    _over_tcp("negative-length", "Content-Length: -1 over TCP",
              _PING.replace("{length}", "-1"), CLOSED, SILENCE, 400),
    _over_tcp("huge-length", "Content-Length: 2^31 over TCP",
              _PING.replace("{length}", "2147483648"), CLOSED, SILENCE, 400),
    _over_tcp("no-length", "no Content-Length over TCP",
              _PING.replace("Content-Length: {length}\r\n", ""), 200, 400, CLOSED),
    _over_tcp("two-in-one", "two requests in one segment: each is answered",
              2 * _PING.replace("{length}", "0"), 200),
    _over_tcp("garbage", "bytes that are no SIP, over TCP", "\x00\x01\udcfe\r\n\r\n" * 50,
              CLOSED, SILENCE),
    _over_tcp("tls-hello", "a TLS handshake on the plain port",
              "\x16\x03\x01\x02\x00\x01\x00\x01\udcfc\x03\x03" + "\x00" * 512, CLOSED, SILENCE),
)  # fmt: skip
