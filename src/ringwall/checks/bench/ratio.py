"""Ratios of pairs that were measured one right after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of ratios, and the interval that holds the true one with 95 %."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """Write it as a table has it."""
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Return what the second of each pair is of the first.

    The interval is between two of the ratios in their order (that of the sign test): it
    supposes nothing about how noise is distributed. Fewer than six pairs have no such
    interval with 95 %: ValueError.
    """
    ratios = sorted(second / first for first, second in pairs)
    outside = _outside(len(ratios))
    return Ratio(median(ratios), ratios[outside], ratios[-1 - outside])


def _outside(count: int) -> int:
    """Return how many of ``count`` ratios may stay outside at either end."""
    if count < 6:
        raise ValueError(f"{count} pairs are too few for an interval: six at least")
    tail, outside = 0.0, -1
    while 2 * (tail := tail + comb(count, outside + 1) / 2**count) <= 1 - _CONFIDENCE:
        outside += 1
    return outside
