"""SIPp as a phone: what baresip does not do, and a second opinion on what it does."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from tests.system.sipp import Sipp

from ringwall.checks import audio, capture
from ringwall.checks.audio import Melody

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.phone import Transport


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_sipp_registers_and_hears_its_echo(system: Stack, transport: Transport) -> None:
    melody = Melody.random()
    sipp = Sipp(system, system.subscriber(), transport)
    played = sipp.play("register", "call", melody=melody)
    heard = _heard(system, list(played.packets), melody)
    assert heard.complete, str(heard)


def test_reliable_ringing_and_update(system: Stack) -> None:
    """PRACK (RFC 3262) and UPDATE (RFC 3311) find their way through."""
    with system.phone(answers=True) as bob:
        bob.wait_registered()
        Sipp(system, system.subscriber()).play("reliable", number=bob.account.username)


def _heard(system: Stack, packets: list[capture.Packet], melody: Melody) -> audio.Heard:
    relay: IPv4Address = system.addresses.rtpengine_edge
    streams = [one for one in capture.streams(packets) if one.source.address == relay]
    assert len(streams) == 1
    return audio.compare(melody, streams[0].samples(streams[0].packets[0].time))
