"""SIPp as a phone: what baresip does not do, and a second opinion on what it does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from tests.system.sipp import Sipp

from ringwall.checks import audio, capture
from ringwall.checks.audio import Melody
from ringwall.checks.phone import wait_until

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


def test_a_message_reaches_a_user(system: Stack) -> None:
    with system.phone() as bob:
        bob.wait_registered()
        Sipp(system, system.subscriber()).play("message", number=bob.account.username)
        came = [one for one in bob.messages if one.start_line.startswith("MESSAGE ")]
    assert [one.body.strip() for one in came] == ["The lift is broken."]


def test_a_decline_reaches_the_caller(system: Stack) -> None:
    account = system.subscriber()
    with system.phone() as alice, ThreadPoolExecutor(1) as pool:
        alice.wait_registered()
        sipp = pool.submit(Sipp(system, account).play, "register", "decline")
        wait_until(lambda: system.is_registered(account), 10, "SIPp to register")
        assert alice.dial(account.username).wait_closed() == 603
        sipp.result(timeout=30)


def _heard(system: Stack, packets: list[capture.Packet], melody: Melody) -> audio.Heard:
    relay: IPv4Address = system.addresses.rtpengine_edge
    streams = [one for one in capture.streams(packets) if one.source.address == relay]
    assert len(streams) == 1
    return audio.compare(melody, streams[0].samples(streams[0].packets[0].time))
