from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from ringwall.checks import audio, capture, g711
from ringwall.checks.audio import Melody

if TYPE_CHECKING:
    from pathlib import Path

PHONE, RELAY = IPv4Address("10.0.0.7"), IPv4Address("10.0.0.4")
EPOCH = 1_700_000_000.0


def frame(source: IPv4Address, target: IPv4Address, payload: bytes) -> bytes:
    udp = struct.pack("!HHHH", 10000, 30000, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
    return b"\0" * 12 + b"\x08\x00" + ip + source.packed + target.packed + udp


def record(time: float, data: bytes) -> bytes:
    seconds = int(time)
    micros = round((time - seconds) * 1e6)
    return struct.pack("<IIII", seconds, micros, len(data), len(data)) + data


def talk(
    melody: Melody, source: IPv4Address, target: IPv4Address, begin: float
) -> list[tuple[float, bytes]]:
    """A melody as RTP, 20 ms a packet, on a network that lets every packet wait a little."""
    coded = g711.encode(g711.PCMU, melody.samples(3.2))
    said = []
    for number in range(len(coded) // 160):
        head = struct.pack("!BBHII", 0x80, 0, number, number * 160, 42)
        rtp = head + coded[number * 160 :][:160]
        wobble = (number * 7 % 5) / 1000
        said.append((begin + number * 0.02 + wobble, frame(source, target, rtp)))
    return said


def write(path: Path, *talks: list[tuple[float, bytes]]) -> None:
    packets = sorted(packet for said in talks for packet in said)
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    path.write_bytes(head + b"".join(record(*packet) for packet in packets))


def test_a_stream_is_heard_as_it_was_said(tmp_path: Path) -> None:
    melody = Melody.random()
    write(tmp_path / "x.pcap", talk(melody, RELAY, PHONE, EPOCH))
    (stream,) = capture.streams(capture.read(tmp_path / "x.pcap"))
    assert (stream.source.address, stream.target.address) == (RELAY, PHONE)
    assert audio.compare(melody, stream.samples(EPOCH)).complete


def test_what_came_before_is_left_out(tmp_path: Path) -> None:
    melody = Melody.random()
    write(tmp_path / "x.pcap", talk(melody, RELAY, PHONE, EPOCH))
    (stream,) = capture.streams(capture.read(tmp_path / "x.pcap"))
    assert audio.compare(melody, stream.samples(EPOCH + 1.6)).matched in {7, 8}


@pytest.mark.parametrize("delay", [0.03, 0.2, 1.0])
def test_the_round_trip_is_found(tmp_path: Path, delay: float) -> None:
    melody = Melody.random()
    said = talk(melody, PHONE, RELAY, EPOCH)
    write(tmp_path / "x.pcap", said, talk(melody, RELAY, PHONE, EPOCH + delay))
    found = capture.round_trip(capture.read(tmp_path / "x.pcap"), PHONE)
    assert found == pytest.approx(delay, abs=0.02)


def test_no_answer_has_no_round_trip(tmp_path: Path) -> None:
    write(tmp_path / "x.pcap", talk(Melody.random(), PHONE, RELAY, EPOCH))
    assert capture.round_trip(capture.read(tmp_path / "x.pcap"), PHONE) is None
    assert capture.round_trip([], PHONE) is None


def test_a_file_that_is_being_written_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    write(path, talk(Melody.random(), PHONE, RELAY, EPOCH))
    whole = path.read_bytes()
    path.write_bytes(whole[:10])
    assert capture.read(path) == []
    path.write_bytes(whole[: 24 + 16 + 300])
    assert len(capture.read(path)) == 1


def test_other_packets_are_no_audio(tmp_path: Path) -> None:
    write(tmp_path / "x.pcap", [(EPOCH, frame(PHONE, RELAY, b"OPTIONS sip:x SIP/2.0\r\n\r\n"))])
    packets = capture.read(tmp_path / "x.pcap")
    assert packets[0].payload.startswith(b"OPTIONS")
    assert capture.streams(packets) == []
