"""What strangers do to the media of a call that is up: nobody hears it, nothing comes back."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from tests.attack.test_srtp import assert_both_play, pair
from tests.system.test_calls import assert_both_hear, connect, phones

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.capture import Endpoint
    from ringwall.checks.phone import Phone

_AS_ROOT = ("--user=0", "--cap-drop=ALL", "--cap-add=NET_RAW")
_SENDER_REPORT = bytes([200])
_MARK = bytes([0x55]) * 160
"""What the attacker says: no melody has such a packet."""


def test_sound_from_a_foreign_address_is_not_heard(system: Stack) -> None:
    with phones(system, "udp", "udp") as (alice, bob):
        out, _ = connect(alice, bob)
        assert_both_hear(alice, bob)  # which takes longer than addresses are learned
        since = time.time()
        _inject(system, _goes_to(alice))
        assert_both_hear(alice, bob, since)
        assert not _marked(bob)
        out.hangup()


def test_spraying_all_ports_gets_nothing_back(system: Stack) -> None:
    """RTP bleed (CVE-2025-53399): whoever sends to a port of a call is sent its sound."""
    ports = system.settings.instance.ports.rtp
    with phones(system, "udp", "udp") as (alice, bob):
        out, _ = connect(alice, bob)
        assert_both_hear(alice, bob)
        # Until then the port of RTCP is open: docs/security/srtp.md.
        for phone in (alice, bob):
            wait_until(partial(_has_reported, phone), 20, "the phone's first report", 0.5)
        since = time.time()
        script = _SPRAY.format(
            target=system.addresses.rtpengine_edge, first=ports.first, last=ports.last
        )
        assert system.tools("python3", "-c", script).split() == ["sent", "8000", "came", "0"]
        assert_both_hear(alice, bob, since)
        out.hangup()


def test_a_damaged_srtp_packet_disturbs_nobody(system: Stack) -> None:
    """With the phone's own address as its source, which strict-source lets through."""
    with pair(system, "srtp-mand") as (alice, bob):
        out, _ = connect(alice, bob)
        assert_both_play(alice, bob)
        since = time.time()
        before = len(_to(bob))
        _forge(system, alice)
        heard = bob.wait_heard(alice.melody, since=since)
        assert heard.complete, str(heard)
        assert len(_to(bob)) > before
        assert not _marked(bob)
        out.hangup()


def test_the_same_packet_gets_through_without_srtp(system: Stack) -> None:
    """So that the test above can fail; and what SRTP is for."""
    with phones(system, "udp", "udp") as (alice, bob):
        out, _ = connect(alice, bob)
        assert_both_hear(alice, bob)
        _forge(system, alice)
        assert_both_hear(alice, bob, time.time())
        assert _marked(bob)
        out.hangup()


def _goes_to(phone: Phone) -> Endpoint:
    """Where the phone's sound goes: the even port that most packets have."""
    targets = [
        one.target
        for one in phone.packets
        if one.source.address == phone.address and len(one.payload) > 160
    ]
    return max(set(targets), key=targets.count)


def _has_reported(phone: Phone) -> bool:
    """Whether the phone has sent a sender report (RFC 3550 6.4.1)."""
    sent = (one.payload for one in phone.packets if one.source.address == phone.address)
    return any(payload[1:2] == _SENDER_REPORT for payload in sent)


def _to(phone: Phone) -> list[bytes]:
    return [one.payload for one in phone.packets if one.target.address == phone.address]


def _marked(phone: Phone) -> list[bytes]:
    return [payload for payload in _to(phone) if _MARK[:100] in payload]


def _inject(system: Stack, there: Endpoint) -> None:
    """Send 100 packets, with a new sequence number each, from an address of our own."""
    system.tools("python3", "-c", _INJECT.format(target=there.address, port=there.port))


def _forge(system: Stack, phone: Phone) -> None:
    """Send 100 packets from the phone's address and port."""
    there = _goes_to(phone)
    said = next(
        one for one in reversed(phone.packets) if one.target == there and len(one.payload) > 160
    )
    script = _FORGE.format(
        source=said.source.address,
        source_port=said.source.port,
        target=there.address,
        port=there.port,
        head=said.payload[:12].hex(),
    )
    system.tools("python3", "-c", script, options=_AS_ROOT)


_INJECT = """
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(100):
    s.sendto(struct.pack("!BBHII", 0x80, 0, n, n * 160, 0xBAD) + bytes([0x55]) * 160,
             ("{target}", {port}))
    time.sleep(0.01)
"""
_SPRAY = """
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setblocking(False)
sent = came = 0
def take():
    global came
    try:
        while True:
            s.recv(2048)
            came += 1
    except BlockingIOError:
        pass
for round in range(2):
    for port in range({first}, {last} + 1):
        head = struct.pack("!BBHII", 0x80, 0, round, round * 160, 0xBAD)
        s.sendto(head + bytes([0x55]) * 160, ("{target}", port))
        sent += 1
        if port % 100 == 0:
            time.sleep(0.01)
            take()
deadline = time.time() + 3
while time.time() < deadline:
    time.sleep(0.05)
    take()
print("sent", sent, "came", came)
"""
_FORGE = """
import socket, struct, time
head = bytes.fromhex("{head}")
source, target = socket.inet_aton("{source}"), socket.inet_aton("{target}")
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
first, stamp = struct.unpack("!HI", head[2:8])
for n in range(100):
    rtp = head[:2] + struct.pack("!HI", (first + 50 + n) & 0xFFFF, (stamp + (50 + n) * 160)
        & 0xFFFFFFFF) + head[8:12] + bytes([0x55]) * 170
    udp = struct.pack("!HHHH", {source_port}, {port}, 8 + len(rtp), 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(rtp), 1, 0, 64, 17, 0, source, target)
    raw.sendto(ip + udp + rtp, ("{target}", 0))
    time.sleep(0.01)
"""
