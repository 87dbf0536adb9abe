from __future__ import annotations

import random
from array import array
from typing import TYPE_CHECKING

import pytest

from ringwall.checks import audio, g711
from ringwall.checks.audio import RATE, TONES, Melody, compare, level, read_melody

if TYPE_CHECKING:
    from pathlib import Path

    from ringwall.checks.audio import Samples

SECONDS = 6.4


def test_a_melody_never_repeats_a_tone_at_once() -> None:
    for _ in range(50):
        tones = Melody.random().tones
        assert len(tones) == TONES
        assert all(a != b for a, b in zip(tones, tones[1:] + tones[:1], strict=True))


def test_what_was_said_is_read_back() -> None:
    melody = Melody.random()
    read = [tone.index for tone in read_melody(melody.samples(3.2))]
    assert read == list(melody.tones)


@pytest.mark.parametrize("payload_type", [g711.PCMU, g711.PCMA])
def test_a_codec_disturbs_nothing(payload_type: int) -> None:
    melody = Melody.random()
    line = g711.decode(payload_type, g711.encode(payload_type, melody.samples(SECONDS)))
    assert compare(melody, line).complete


def test_delay_noise_and_a_low_level_disturb_nothing() -> None:
    melody = Melody.random()
    noise = random.Random(1)  # noqa: S311 - noise
    said = melody.samples(SECONDS)
    quiet = array("h", [sample // 8 + noise.randint(-200, 200) for sample in said])
    assert compare(melody, array("h", [0] * 777) + quiet).complete


def test_a_start_in_the_middle_is_still_the_whole_melody() -> None:
    melody = Melody.random()
    assert compare(melody, melody.samples(SECONDS)[RATE // 3 :]).complete


def test_another_melody_is_not_taken_for_it() -> None:
    heard = compare(Melody((0, 1) * 8), Melody((2, 3, 4, 5) * 4).samples(SECONDS))
    assert heard.matched == 0
    assert not heard.complete


def test_half_of_it_is_half_of_it() -> None:
    melody = Melody.random()
    heard = compare(melody, melody.samples(SECONDS)[: RATE * 8 // 5])
    assert heard.matched == 8


def test_a_gap_is_noticed() -> None:
    melody = Melody.random()
    said = melody.samples(3.2)
    said[RATE : RATE + 4000] = array("h", [0] * 4000)
    heard = compare(melody, said)
    assert heard.gaps == 1
    assert not heard.complete


@pytest.mark.parametrize("samples", [array("h"), array("h", [0] * 8000)])
def test_silence_is_silence(samples: Samples) -> None:
    heard = compare(Melody.random(), samples)
    assert heard.silent
    assert heard.matched == 0
    assert str(heard) == "silence"


def test_noise_holds_no_melody() -> None:
    noise = random.Random(2)  # noqa: S311 - noise
    samples = array("h", [noise.randint(-8000, 8000) for _ in range(RATE * 3)])
    assert compare(Melody.random(), samples).matched <= 2


def test_the_level_is_in_dbfs() -> None:
    assert level(Melody.random().samples(1)) == pytest.approx(-15, abs=0.2)


def test_the_file_is_a_wav_of_that_length(tmp_path: Path) -> None:
    path = tmp_path / "say.wav"
    Melody.random().write(path, 3.2)
    assert path.stat().st_size == 44 + 2 * RATE * 3.2
    assert path.read_bytes()[:4] == b"RIFF"


def test_nothing_is_what_no_packet_brings() -> None:
    assert audio.NOTHING.silent
    assert not audio.NOTHING.complete
