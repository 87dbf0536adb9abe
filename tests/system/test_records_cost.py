"""What records cost a call: the same load in pairs, records on and off, MariaDB up and frozen."""

from __future__ import annotations

from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

import pytest
from tests.system.configured import configured
from tests.system.load import WIDE, Load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.stack import Stack

    from ringwall.checks.phone import Account

# Minutes of load: with --long.
pytestmark = [pytest.mark.chaos, pytest.mark.long]
_PAIRS = 7
_RATE, _SECONDS, _HOLD = 20, 10.0, 0.5


@pytest.fixture(scope="module", autouse=True)
def wide(instance: Stack) -> Iterator[None]:
    with configured(instance, WIDE):
        yield


def test_records_cost_a_call_no_time(system: Stack) -> None:
    ratios = _ratios(system, _unrecorded)
    print({"records on : off": ratios})
    assert max(ratios) <= 1.05


def test_a_frozen_mariadb_costs_a_call_no_time(system: Stack) -> None:
    ratios = _ratios(system, _unfrozen)
    print({"MariaDB frozen : up": ratios})
    assert max(ratios) <= 1.10


def _ratios(
    system: Stack, without: Callable[[Stack], AbstractContextManager[Callable[[], None]]]
) -> tuple[float, float]:
    """Return with : without, of INVITE to 200 and of BYE to 200: medians of pairs of medians."""
    pairs = []
    accounts = [system.subscriber() for _ in range(20)]  # a frozen MariaDB takes none
    for _ in range(_PAIRS):
        with without(system) as begin:
            first = _medians(system, accounts)
            begin()
            second = _medians(system, accounts)
        pairs.append((second[0] / first[0], second[1] / first[1]))
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def _medians(system: Stack, accounts: list[Account]) -> tuple[float, float]:
    """Return the medians of INVITE to 200 and of BYE to 200, in seconds."""
    load = Load(system, rate=_RATE, seconds=_SECONDS, hold=_HOLD, mix=("600@",), accounts=accounts)
    load.run()
    answered = [seen for seen in load.calls.values() if seen.answered and seen.ended]
    assert len(answered) == load.total, "calls suffered"
    return (
        median(seen.answered - seen.begun for seen in answered),
        median(seen.ended - seen.hung_up for seen in answered),
    )


@contextmanager
def _unrecorded(system: Stack) -> Iterator[Callable[[], None]]:
    """Switch records off; yield what switches them on."""
    file = system.workspace.root / "ringwall.yaml"
    text = file.read_text()
    file.write_text(f"{text}records: {{enabled: false}}\n")

    def switch_on() -> None:
        file.write_text(text)
        system.up()
        system.wait_well()

    try:
        system.up()
        system.wait_well()
        yield switch_on
    finally:
        file.write_text(text)
        system.up()


@contextmanager
def _unfrozen(system: Stack) -> Iterator[Callable[[], None]]:
    """Leave MariaDB as it is; yield what freezes it."""
    mariadb = system.container("mariadb")
    try:
        yield lambda: _docker(system, "pause", mariadb)
    finally:
        _docker(system, "unpause", mariadb)
        system.wait_well()


def _docker(system: Stack, *words: str) -> None:
    system.engine.docker(*words)
