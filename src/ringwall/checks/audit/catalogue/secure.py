"""TLS: old versions, weak suites, garbage, many handshakes; and who shows which certificate."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from ringwall.checks.audit import legit
from ringwall.checks.audit.case import Broken, Case, Sends
from ringwall.checks.audit.catalogue.requests import request
from ringwall.checks.audit.layers import WITH_CERTIFICATES, WITH_TLS, Layer
from ringwall.checks.raw import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.audit.stage import Stage

_HANDSHAKES = 150
_REGISTER = request("REGISTER", "sip:{domain}", caller="<sip:{victim}@{domain}>",
                    callee="<sip:{victim}@{domain}>")  # fmt: skip


def _refused(**tls: str) -> Callable[[Stage], None]:
    """Return an attack: a handshake that must fail."""

    def attack(stage: Stage) -> None:
        try:
            version = stage.wire("tls", tls=tls).version
        except OSError as error:
            if "SSL" not in str(error) and "Reset" not in str(error):
                raise
            return
        raise Broken(f"the handshake was accepted: {version}")

    return attack


def _raw(data: bytes, what: str) -> Callable[[Stage], None]:
    """Return an attack: bytes on the TLS port, which nobody may take for a request."""

    def attack(stage: Stage) -> None:
        wire = stage.wire("tcp", target_port=5061)
        try:
            wire.send(data)
            came = wire.receive(2)
        except OSError:
            return
        if b"SIP/2.0" in came:
            raise Broken(f"{what} was answered as SIP")

    return attack


def _handshakes(stage: Stage) -> None:
    """Shake hands again and again from one address; a phone gets through meanwhile."""
    source = stage.fresh()
    for at in range(_HANDSHAKES):
        with suppress(OSError):  # no more from there
            stage.wire("tls", source=source).close()
        if at == _HANDSHAKES // 2:
            legit.call(stage, stage.fresh())


def _unfinished(stage: Stage) -> None:
    """Begin handshakes, and leave them there."""
    source = stage.fresh()
    hello = _record(22, b"\x01\x00\x02\x00\x03\x03")
    for _ in range(_HANDSHAKES):
        with suppress(OSError):
            stage.wire("tcp", target_port=5061, source=source).send(hello)
    legit.call(stage, stage.fresh())


def _renegotiate(stage: Stage) -> None:
    """Have openssl ask for a new handshake within a connection, again and again."""
    script = "(sleep 1; for n in 1 2 3 4 5; do echo R; sleep 0.2; done; sleep 1)"
    command = (
        f"{script} | timeout 15 openssl s_client -tls1_2 -legacy_renegotiation "
        f"-connect {stage.target}:5061"
    )
    said = stage.attacker.run("sh", "-c", command)
    if "CONNECTED" not in said:
        raise Broken(f"it could not be tried: {said[-200:]}")
    if said.count("verify return") > 3 * 2:
        raise Broken("the client may renegotiate")


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(content)) + content


def _shows(whose: str, claims: str, *, reason: str) -> Callable[[Stage], None]:
    """Return an attack: a registration of one, over TLS with the certificate of another."""

    def attack(stage: Stage) -> None:
        card = stage.cast.cards.get(getattr(stage.cast, whose).username) if whose else None
        tls = {"certificate": card} if card else {}
        client = Client(stage.wire("tls", tls=tls), stage.target, "tls")
        account = getattr(stage.cast, claims)
        answer = client.ask("REGISTER", stage.dialog(account))
        if answer.status != 403:
            raise Broken(f"was answered {answer.status}")
        stage.expect_verdict(client.address, reason)

    return attack


def _case(name: str, what: str, origin: str, attack: Callable[[Stage], None]) -> Case:
    return Case(f"tls-{name}", what, origin, Layer.TRANSPORT, attack)


_HEARTBEAT = _record(24, b"\x01\x40\x00")
CASES = (
    _case("1.0", "TLS 1.0", "RFC 8996", _refused(only="TLSv1")),
    _case("1.1", "TLS 1.1", "RFC 8996", _refused(only="TLSv1_1")),
    _case("null", "suites that encrypt nothing", "RFC 9325 4.1",
          _refused(ciphers="NULL:eNULL:@SECLEVEL=0")),
    _case("anonymous", "suites without a certificate", "RFC 9325 4.1",
          _refused(ciphers="ADH:AECDH:@SECLEVEL=0")),
    _case("static-rsa", "suites without forward secrecy", "RFC 9325 4.1",
          _refused(ciphers="kRSA:@SECLEVEL=0")),
    _case("cbc", "suites without authenticated encryption", "RFC 9325 4.2, Lucky13",
          _refused(ciphers="ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")),
    _case("garbage", "bytes that are no TLS", "fuzzing", _raw(b"\x00\xff" * 2000, "garbage")),
    _case("plain-sip", "plain SIP on the TLS port", "RFC 3261 26.3",
          _raw(b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\n\r\n", "SIP")),
    _case("heartbeat", "a heartbeat that asks for 16 kB", "CVE-2014-0160",
          _raw(_HEARTBEAT, "a heartbeat")),
    _case("huge-record", "a record longer than any may be", "RFC 8446 5.1",
          _raw(struct.pack("!BHH", 22, 0x0301, 0xFFFF) + b"\x01" * 65535, "a record")),
    _case("handshakes", f"{_HANDSHAKES} handshakes in a row", "THC-SSL-DOS", _handshakes),
    _case("unfinished", f"{_HANDSHAKES} handshakes that are never finished", "THC-SSL-DOS",
          _unfinished),
    _case("renegotiation", "renegotiation by the client", "CVE-2009-3555, CVE-2011-1473",
          _renegotiate),
    Case("tls-not-udp", "a registration over UDP", "security.tls", Layer.TRANSPORT,
         Sends(_REGISTER, (403,), "tls-required", port=0, layer=Layer.TRANSPORT), WITH_TLS),
    Case("tls-not-tcp", "a registration over TCP", "security.tls", Layer.TRANSPORT,
         Sends(_REGISTER, (403,), "tls-required", "tcp", 0, Layer.TRANSPORT), WITH_TLS),
    Case("tls-no-certificate", "a phone without a certificate", "security.tls", Layer.TRANSPORT,
         _shows("", "victim", reason="client-certificate"), WITH_CERTIFICATES),
    Case("tls-foreign-certificate", "a phone with another phone's certificate", "RFC 5922 7.1",
         Layer.TRANSPORT, _shows("mallory", "victim", reason="client-certificate"),
         WITH_CERTIFICATES),
)  # fmt: skip
