"""What passed on the wire, read from a pcap file: UDP packets, RTP streams, their audio."""

from __future__ import annotations

import struct
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass
from ipaddress import IPv4Address
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from ringwall.checks import g711
from ringwall.checks.audio import RATE, TONE_MS, TONES, read_melody

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ringwall.checks.audio import Samples, Tone

_IPV4, _UDP = 0x0800, 17
_LITTLE_ENDIAN = b"\xd4\xc3\xb2\xa1"
_STEP = 0.02  # s
_JUMP = RATE // 5  # 200 ms
_LONGEST_LAG = TONES * TONE_MS / 1000 - 0.2  # then the melody comes again


class Endpoint(NamedTuple):
    """An address and a UDP port."""

    address: IPv4Address
    port: int


@dataclass(frozen=True)
class Packet:
    """A UDP packet; time in seconds since the epoch."""

    time: float
    source: Endpoint
    target: Endpoint
    payload: bytes


@dataclass(frozen=True)
class Stream:
    """One direction of one RTP session, as it passed."""

    source: Endpoint
    target: Endpoint
    packets: tuple[Packet, ...]

    def samples(self, begin: float) -> Samples:
        """Lay the G.711 audio on a time line that starts at ``begin`` (epoch seconds)."""
        line = array("h")
        for at, packet in self._placed(begin):
            if at >= 0:
                audio = g711.decode(packet.payload[1] & 0x7F, packet.payload[12:])
                line.extend([0] * (at - len(line)))
                line[at : at + len(audio)] = audio
        return line

    def _placed(self, begin: float) -> Iterator[tuple[int, Packet]]:
        """Each packet with its place: by its RTP timestamp, by the clock where that jumped."""
        anchor = None
        for packet in self.packets:
            arrived = round((packet.time - begin) * RATE)
            timestamp = struct.unpack_from("!I", packet.payload, 4)[0]
            if anchor is None or abs(arrived - anchor - timestamp) > _JUMP:
                anchor = arrived - timestamp
            yield anchor + timestamp, packet


def read(path: Path) -> list[Packet]:
    """Read the UDP packets of a pcap file (Ethernet, IPv4), also while it is being written."""
    return list(_packets(path.read_bytes()))


def streams(packets: list[Packet]) -> list[Stream]:
    """Sort RTP packets that carry G.711 into streams, by addresses and source (SSRC)."""
    found: dict[tuple[Endpoint, Endpoint, bytes], list[Packet]] = defaultdict(list)
    for packet in packets:
        if _is_g711(packet.payload):
            found[packet.source, packet.target, packet.payload[8:12]].append(packet)
    return [Stream(source, target, tuple(of)) for (source, target, _), of in found.items()]


def round_trip(packets: list[Packet], phone: IPv4Address) -> float | None:
    """Seconds from a tone leaving ``phone`` to the same tone coming back; None: none came back."""
    sent = [stream for stream in streams(packets) if stream.source.address == phone]
    heard = [stream for stream in streams(packets) if stream.target.address == phone]
    if not sent or not heard:
        return None
    begin = packets[0].time
    said = [tone for stream in sent for tone in read_melody(stream.samples(begin))]
    back = [tone for stream in heard for tone in read_melody(stream.samples(begin))]
    return _lag(said, back)


def _lag(said: list[Tone], back: list[Tone]) -> float | None:
    """The delay that most pairs of like tones agree on, to 20 ms."""
    lags = [
        heard.start - tone.start
        for tone in said
        for heard in back
        if heard.index == tone.index and -_STEP < heard.start - tone.start < _LONGEST_LAG
    ]
    if not lags:
        return None
    votes = Counter(round(lag / _STEP) for lag in lags)
    winner = max(votes, key=lambda step: votes[step] + votes[step + 1])
    agreed = [lag for lag in lags if winner <= round(lag / _STEP) <= winner + 1]
    return max(fmean(agreed), 0.0)


def _packets(data: bytes) -> Iterator[Packet]:
    if len(data) < 24:
        return
    order = "<" if data[:4] == _LITTLE_ENDIAN else ">"
    at = 24
    while at + 16 <= len(data):
        seconds, micros, length, _ = struct.unpack_from(f"{order}IIII", data, at)
        frame = data[at + 16 : at + 16 + length]
        if len(frame) < length:
            return  # it is being written
        at += 16 + length
        packet = _udp(seconds + micros / 1e6, frame)
        if packet:
            yield packet


def _udp(time: float, frame: bytes) -> Packet | None:
    if len(frame) < 42 or struct.unpack_from("!H", frame, 12)[0] != _IPV4 or frame[23] != _UDP:
        return None
    after_ip = 14 + (frame[14] & 0x0F) * 4
    source_port, target_port, length = struct.unpack_from("!HHH", frame, after_ip)
    return Packet(
        time,
        Endpoint(IPv4Address(frame[26:30]), source_port),
        Endpoint(IPv4Address(frame[30:34]), target_port),
        frame[after_ip + 8 : after_ip + length],
    )


def _is_g711(payload: bytes) -> bool:
    return (
        len(payload) > 12
        and payload[0] in {0x80, 0x90}
        and payload[1] & 0x7F in {g711.PCMU, g711.PCMA}
    )
