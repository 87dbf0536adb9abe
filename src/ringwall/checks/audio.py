"""Audio that proves itself: a random melody is said, and what is heard is compared with it.

A melody is a sequence of tones in the telephone band. It is drawn anew for every phone, so
that what was heard can come from nowhere else, and it is read back tone by tone, which a
codec, a delay, a jitter buffer or a change of level does not disturb.
"""

from __future__ import annotations

import math
import secrets
import wave
from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

RATE = 8000
"""Samples per second."""
FREQUENCIES = (500, 620, 800, 1040, 1270, 1550, 1900, 2300)
"""Hz: no two alike in a window, none a harmonic of another, none a DTMF or ringing tone."""
TONES = 16
TONE_MS = 200

_FULL_SCALE = 32768.0
_WINDOW = RATE // 25  # 40 ms: bins of 25 Hz
_HOP = RATE // 100  # 10 ms
_PURE = 0.5  # share of the energy that one tone must have
_SILENCE_DBFS = -55.0
_SHORTEST = 0.06  # s; shorter ones are where a window saw two tones

Samples: TypeAlias = "array[int]"


@dataclass(frozen=True)
class Tone:
    """A tone that was read: index into FREQUENCIES, start and length in seconds."""

    index: int
    start: float
    length: float


@dataclass(frozen=True)
class Melody:
    """A sequence of tones, said again and again."""

    tones: tuple[int, ...]

    @classmethod
    def random(cls) -> Melody:
        """Draw 16 tones, neighbours (and last and first) never alike."""
        drawn: list[int] = []
        while len(drawn) < TONES:
            tone = secrets.randbelow(len(FREQUENCIES))
            is_last = len(drawn) == TONES - 1
            if tone not in drawn[-1:] and not (is_last and tone == drawn[0]):
                drawn.append(tone)
        return cls(tuple(drawn))

    def samples(self, seconds: float) -> Samples:
        """Return the melody, repeated for so many seconds, at -12 dBFS and 8 kHz."""
        length = RATE * TONE_MS // 1000
        once = array("h")
        for tone in self.tones:
            step = 2 * math.pi * FREQUENCIES[tone] / RATE
            once.extend(round(8200 * math.sin(step * n)) for n in range(length))
        times = math.ceil(seconds * RATE / len(once))
        return once * times

    def write(self, path: Path, seconds: float) -> None:
        """Write the repeated melody as a WAV file: mono, 16 bit, 8 kHz."""
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(self.samples(seconds).tobytes())


@dataclass(frozen=True)
class Heard:
    """How much of a melody was heard."""

    matched: int
    """Tones in the longest unbroken stretch of the melody, at most ``of``."""
    of: int
    gaps: int
    """Interruptions of more than 100 ms between the first and the last tone."""
    level: float
    """dBFS of the loudest 40 ms; -inf for digital silence or nothing."""

    @property
    def complete(self) -> bool:
        """Whether the whole melody came without an interruption."""
        return self.matched == self.of

    @property
    def silent(self) -> bool:
        """Whether nothing could be heard at all."""
        return self.level < _SILENCE_DBFS

    def __str__(self) -> str:
        """Say it for people."""
        if self.silent:
            return "silence"
        gaps = f", {self.gaps} gaps" if self.gaps else ""
        return f"{self.matched} of {self.of} tones{gaps}, level {self.level:.0f} dBFS"


NOTHING = Heard(0, TONES, 0, -math.inf)
"""Not a single packet."""


def read_melody(samples: Sequence[int]) -> list[Tone]:
    """Read the tones in order; silence, noise and the crossings between tones are left out."""
    runs: list[Tone] = []
    for start, index in _windows(samples):
        if index is None:
            continue
        last = runs[-1] if runs else None
        if last and last.index == index and start - (last.start + last.length) < 2 * _HOP / RATE:
            runs[-1] = Tone(index, last.start, start + _HOP / RATE - last.start)
        else:
            runs.append(Tone(index, start, _HOP / RATE))
    return [tone for tone in runs if tone.length >= _SHORTEST]


def compare(melody: Melody, samples: Sequence[int]) -> Heard:
    """Say how much of ``melody`` there is in ``samples``."""
    heard = read_melody(samples)
    return Heard(
        matched=min(_longest_match(melody.tones, [tone.index for tone in heard]), TONES),
        of=TONES,
        gaps=sum(late.start - (soon.start + soon.length) > 0.1 for soon, late in pairwise(heard)),
        level=level(samples),
    )


def level(samples: Sequence[int]) -> float:
    """Return dBFS (RMS) of the loudest 40 ms."""
    loudest = max((_energy(window) for _, window in _slices(samples, _WINDOW)), default=0.0)
    return 10 * math.log10(loudest / _WINDOW) if loudest else -math.inf


def _longest_match(sent: Sequence[int], heard: Sequence[int]) -> int:
    """Length of the longest stretch of ``heard`` that is one of the endlessly repeated ``sent``."""
    best = 0
    ending_at = [0] * len(sent)
    for tone in heard:
        ending_at = [(ending_at[at - 1] + 1 if sent[at] == tone else 0) for at in range(len(sent))]
        best = max(best, *ending_at)
    return best


def _windows(samples: Sequence[int]) -> Iterator[tuple[float, int | None]]:
    """The middle hop of each window in seconds, and the tone that the window holds."""
    for at, window in _slices(samples, _HOP):
        yield (at + (_WINDOW - _HOP) / 2) / RATE, _tone_of(window)


def _slices(samples: Sequence[int], hop: int) -> Iterator[tuple[int, Sequence[int]]]:
    for at in range(0, len(samples) - _WINDOW + 1, hop):
        yield at, samples[at : at + _WINDOW]


def _tone_of(window: Sequence[int]) -> int | None:
    energy = _energy(window)
    if energy / _WINDOW < 10 ** (_SILENCE_DBFS / 10):
        return None
    powers = [_goertzel(window, coefficient) for coefficient in _COEFFICIENTS]
    strongest = max(powers)
    return powers.index(strongest) if strongest >= _PURE * energy else None


def _energy(window: Sequence[int]) -> float:
    """The sum of the squares, full scale being one."""
    return sum(sample * sample for sample in window) / _FULL_SCALE**2


_COEFFICIENTS = tuple(2 * math.cos(2 * math.pi * frequency / RATE) for frequency in FREQUENCIES)


def _goertzel(window: Sequence[int], coefficient: float) -> float:
    """Energy of one frequency in the window, in the unit of ``_energy``."""
    before = last = 0.0
    for sample in window:
        before, last = last, sample + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return power * 2 / len(window) / _FULL_SCALE**2
