"""G.711 (ITU-T): bytes of a telephone line to 16-bit samples."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PCMU, PCMA = 0, 8
"""RTP payload types (RFC 3551)."""


def decode(payload_type: int, payload: bytes) -> array[int]:
    """Decode µ-law (payload type 0) or A-law (8); raise KeyError for any other."""
    table = _TABLES[payload_type]
    return array("h", [table[byte] for byte in payload])


def _ulaw(byte: int) -> int:
    byte = ~byte & 0xFF
    magnitude = (((byte & 0x0F) << 3) + 0x84) << (byte >> 4 & 7)
    return 0x84 - magnitude if byte & 0x80 else magnitude - 0x84


def _alaw(byte: int) -> int:
    byte ^= 0x55
    exponent = byte >> 4 & 7
    magnitude = (byte & 0x0F) << 4 | 8
    if exponent:
        magnitude = (magnitude | 0x100) << (exponent - 1)
    return magnitude if byte & 0x80 else -magnitude


_TABLES = {
    PCMU: tuple(_ulaw(byte) for byte in range(256)),
    PCMA: tuple(_alaw(byte) for byte in range(256)),
}


def encode(payload_type: int, samples: Iterable[int]) -> bytes:
    """Encode 16-bit samples, each as the byte that decodes to the nearest value."""
    return bytes(_NEAREST[payload_type][(sample + 0x8000) >> 2] for sample in samples)


def _nearest(table: tuple[int, ...]) -> bytes:
    """For every fourth 16-bit value the byte that stands for it best."""
    values = sorted((value, byte) for byte, value in enumerate(table))
    found, at = bytearray(), 0
    for sample in range(-0x8000, 0x8000, 4):
        while at + 1 < len(values) and abs(values[at + 1][0] - sample) <= abs(
            values[at][0] - sample
        ):
            at += 1
        found.append(values[at][1])
    return bytes(found)


_NEAREST = {payload_type: _nearest(table) for payload_type, table in _TABLES.items()}
