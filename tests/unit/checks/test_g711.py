from __future__ import annotations

import pytest

from ringwall.checks import g711


@pytest.mark.parametrize("payload_type", [g711.PCMU, g711.PCMA])
def test_every_byte_comes_back(payload_type: int) -> None:
    """µ-law has two zeros: those are the one exception."""
    every = bytes(range(256))
    back = g711.encode(payload_type, g711.decode(payload_type, every))
    assert g711.decode(payload_type, back) == g711.decode(payload_type, every)


@pytest.mark.parametrize(
    ("payload_type", "byte", "sample"),
    [(0, 0xFF, 0), (0, 0x00, -32124), (0, 0x80, 32124), (8, 0xD5, 8), (8, 0x2A, -32256)],
)
def test_known_values(payload_type: int, byte: int, sample: int) -> None:
    assert list(g711.decode(payload_type, bytes([byte]))) == [sample]


def test_another_codec_is_refused() -> None:
    with pytest.raises(KeyError):
        g711.decode(9, b"x")
