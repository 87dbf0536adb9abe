"""Attacks on the media of a call that is up."""

from __future__ import annotations

import base64
import re
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ringwall.checks.audit import legit
from ringwall.checks.audit.case import Broken, Case
from ringwall.checks.audit.layers import WITH_SRTP, WITHOUT_SRTP, Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringwall.checks.audit.attacker import RemoteWire
    from ringwall.checks.audit.stage import Stage

_PACKETS = 60
_MARK = b"\x55" * 160
_SOUND = b"\x2a" * 160
_STREAMS = 40


@contextmanager
def _talking(stage: Stage) -> Iterator[RemoteWire]:
    """Have the victim call the echo; yield its media socket, and expect the call to live on."""
    account = stage.cast.victim
    source = stage.fresh()
    with stage.phone(account, source) as phone:
        phone.patience(5)
        dialog = stage.dialog(account, legit.ECHO)
        answer = phone.ask_as("INVITE", dialog, account, body=stage.offer(phone, 40_000))
        found = re.search(r"m=audio (\d+)", answer.body)
        if answer.status != 200 or found is None:
            raise Broken(f"the call to be attacked was answered {answer.status}")
        dialog.establish(answer)
        phone.send(phone.request("ACK", dialog))
        there = (min(answer.media_addresses()), int(found[1]))
        yield stage.media(source, 40_000, there)
        ended = phone.ask("BYE", dialog).status
        if ended != 200:
            raise Broken(f"the call did not survive: BYE was answered {ended}")


def _rtp(number: int, sound: bytes = _SOUND, source: int = 0x1234) -> bytes:
    return struct.pack("!BBHII", 0x80, 0, number, number * 160, source) + sound


def _echo(media: RemoteWire, first: int = 0) -> list[bytes]:
    """Talk, and return what comes back."""
    came = []
    for number in range(first, first + _PACKETS):
        media.send(_rtp(number))
        try:
            came.append(media.receive(0.02))
        except TimeoutError:
            continue
    return came


def _bleed(stage: Stage) -> None:
    """Send to every media port from elsewhere: nothing of a call may come back."""
    ports = stage.settings.instance.ports.rtp
    with _talking(stage) as media:
        heard = _echo(media)
        data = base64.b64encode(_rtp(1, _MARK)).decode()
        told = stage.attacker.do(
            "spray", source=stage.fresh(), target=str(stage.inside["media"]),
            ports=list(range(ports.first, ports.last + 1)), data=data,
        )  # fmt: skip
        if told["came"]:
            raise Broken(f"{told['came']} packets came back from ports {told['ports']}")
        again = _echo(media, 200)
    if WITHOUT_SRTP(stage.settings) is None and not (heard and again):
        raise Broken("the caller heard no echo: there was no sound to steal")


def _inject(stage: Stage) -> None:
    """Send sound to the caller's port from elsewhere: the echo may not have it."""
    with _talking(stage) as media:
        before = _echo(media)
        intruder = stage.media(stage.fresh(), 0, media.target)
        for number in range(_PACKETS):
            intruder.send(_rtp(number, _MARK, 0xBAD))
        after = _echo(media, 200)
    if any(_MARK[:100] in packet for packet in after):
        raise Broken("the injected sound was heard")
    if not before or not after:
        raise Broken("the caller heard no echo")


def _unencrypted(stage: Stage) -> None:
    """Send plain RTP where SRTP was agreed: it may not come back."""
    with _talking(stage) as media:
        came = _echo(media)
    if any(_SOUND[:100] in packet for packet in came):
        raise Broken("plain RTP was taken for SRTP")


def _sends(*datagrams: bytes) -> Callable[[Stage], None]:
    """Return an attack: odd datagrams to the media port, from elsewhere and from the caller."""

    def attack(stage: Stage) -> None:
        with _talking(stage) as media:
            _echo(media)
            intruder = stage.media(stage.fresh(), 0, media.target)
            for wire in (intruder, media):
                for datagram in datagrams:
                    wire.send(datagram)
            try:
                came = intruder.receive(0.5)
            except (TimeoutError, ConnectionError):
                return
            raise Broken(f"was answered with {len(came)} bytes")

    return attack


def _many_streams(stage: Stage) -> None:
    """Offer forty streams in one call, and hang up."""
    mallory = stage.cast.mallory
    with stage.phone(mallory) as client:
        client.patience(8)
        offer = stage.offer(client)
        stream = offer[offer.index("m=audio") :]
        dialog = stage.dialog(mallory, legit.ECHO)
        answer = client.ask_as("INVITE", dialog, mallory, body=offer + stream * (_STREAMS - 1))
        if answer.status == 200:
            dialog.establish(answer)
            client.send(client.request("ACK", dialog))
            legit.end(client, dialog)
        else:
            client.send(client.acknowledge(dialog, answer))


def _plain_offer(stage: Stage) -> None:
    """Offer plain RTP where SRTP is required."""
    mallory = stage.cast.mallory
    with stage.phone(mallory) as client:
        dialog = stage.dialog(mallory, legit.ECHO)
        body = re.sub(r"a=crypto.*\r\n", "", stage.offer(client)).replace("RTP/SAVP", "RTP/AVP")
        answer = client.ask_as("INVITE", dialog, mallory, body=body)
        client.send(client.acknowledge(dialog, answer))
        if answer.status != 488:
            raise Broken(f"plain media was answered {answer.status}")
        stage.expect_verdict(client.address, "srtp-required")


def _null_cipher(stage: Stage) -> None:
    """Offer SRTP with a suite that encrypts nothing."""
    mallory = stage.cast.mallory
    with stage.phone(mallory) as client:
        dialog = stage.dialog(mallory, legit.ECHO)
        body = stage.offer(client).replace("AES_CM_128_HMAC_SHA1_80", "NULL_HMAC_SHA1_80")
        answer = client.ask_as("INVITE", dialog, mallory, body=body)
        client.send(client.acknowledge(dialog, answer))
        if answer.status != 488:
            raise Broken(f"a suite that encrypts nothing was answered {answer.status}")


_STUN = struct.pack("!HHI", 1, 0, 0x2112A442) + b"audit-audit-"
_DTLS = struct.pack("!BHHHIH", 22, 0xFEFD, 0, 0, 1, 60) + b"\x01" * 60
CASES = (
    Case("rtp-bleed", "a packet to every media port, from elsewhere", "CVE-2025-53399, RTP bleed",
         Layer.MEDIA, _bleed),
    Case("rtp-injection", "sound to the caller's port, from elsewhere", "CVE-2025-53399",
         Layer.MEDIA, _inject, WITHOUT_SRTP),
    Case("rtp-broken", "RTP and RTCP that are cut, too long, of another version", "RFC 3550",
         Layer.MEDIA,
         _sends(b"", b"\x80", b"\x80\x00\x00", _rtp(1)[:11], b"\x00" * 20, b"\xbf" * 40,
                b"\x80\xc8\x00\xff" * 5, b"\x9f\xff" + b"\xff" * 1400)),
    Case("media-stun", "STUN from a stranger", "RFC 8445 19", Layer.MEDIA,
         _sends(_STUN, _STUN[:10], _STUN[:2] + b"\xff\xff" + _STUN[4:])),
    Case("media-dtls", "DTLS that is cut, empty, or of an odd epoch", "RFC 9147", Layer.MEDIA,
         _sends(_DTLS, _DTLS[:13], b"\x15" + _DTLS[1:], b"\x16" + b"\xff" * 60)),
    Case("media-sip", "SIP to a media port", "fuzzing", Layer.MEDIA,
         _sends(b"OPTIONS sip:x SIP/2.0\r\n\r\n")),
    Case("media-many-streams", f"a call with {_STREAMS} streams", "port exhaustion", Layer.MEDIA,
         _many_streams),
    Case("srtp-unencrypted", "plain RTP where SRTP was agreed", "RFC 3711 9", Layer.MEDIA,
         _unencrypted, WITH_SRTP),
    Case("srtp-plain-offer", "a call with plain media", "security.srtp", Layer.MEDIA,
         _plain_offer, WITH_SRTP),
    Case("srtp-null-cipher", "a call with a suite that encrypts nothing", "RFC 4568 10",
         Layer.MEDIA, _null_cipher, WITH_SRTP),
)  # fmt: skip
