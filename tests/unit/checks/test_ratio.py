from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwall.checks.bench.ratio import ratio


def test_the_interval_leaves_out_what_the_sign_test_allows() -> None:
    pairs = [(2.0, 2.0 * n) for n in (5, 1, 9, 2, 8, 3, 7, 4, 6)]
    found = ratio(pairs)
    assert (found.median, found.low, found.high) == (5, 2, 8)
    assert str(found) == "5.00 (2.00 to 8.00)"


def test_few_pairs_have_the_widest_interval() -> None:
    found = ratio([(1.0, float(n)) for n in range(1, 7)])
    assert (found.low, found.high) == (1, 6)


def test_too_few_pairs() -> None:
    with pytest.raises(ValueError, match="5 pairs are too few"):
        ratio([(1.0, 1.0)] * 5)


@given(st.lists(st.tuples(*[st.floats(0.1, 10)] * 2), min_size=6, max_size=60))
def test_the_median_is_within_its_interval(pairs: list[tuple[float, float]]) -> None:
    found = ratio(pairs)
    assert found.low <= found.median <= found.high
