"""What the blocklist costs a call: Kamailio's CPU with 100 and with 100,000 entries, in pairs."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from statistics import median
from typing import TYPE_CHECKING

import pytest
from tests.system.configured import configured
from tests.system.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.stack import Stack

    from ringwall.checks.phone import Account

# Minutes of load: with --long.
pytestmark = [pytest.mark.bench, pytest.mark.long]
_PAIRS = 5
_FEW, _MANY = 100, 100_000
_RATE, _SECONDS, _HOLD = 20, 10.0, 0.5


@pytest.fixture
def lists(system: Stack, tmp_path: Path) -> Iterator[dict[int, Path]]:
    """Files of so many entries, a network in ten, spread over all of IPv4; none is a phone's."""
    found = {}
    for number in (_FEW, _MANY):
        found[number] = tmp_path / f"{number}.txt"
        step = (int(IPv4Address("223.0.0.0")) - int(IPv4Address("11.0.0.0"))) // number
        lines = (_line(int(IPv4Address("11.0.0.0")) + step * n, n) for n in range(number))
        found[number].write_text("".join(lines))
    yield found
    rest = tmp_path / "rest.txt"
    rest.write_text("192.0.2.255\n")
    for words in (("import", str(rest), "--replace"), ("remove", "192.0.2.255")):
        assert system.cli("block", *words).status == 0


def test_the_number_of_entries_costs_a_call_nothing(system: Stack, lists: dict[int, Path]) -> None:
    accounts = [system.subscriber() for _ in range(20)]
    # One address that calls so often is a flood.
    with configured(system, "security:\n  flood: off\n"):
        pairs = [_pair(system, lists, accounts) for _ in range(_PAIRS)]
    for name, values in zip((_FEW, _MANY), zip(*pairs, strict=True), strict=True):
        print({f"CPU of a call, {name} entries, ms": [round(1000 * one, 3) for one in values]})
    ratio = median(many / few for few, many in pairs)
    print({f"{_MANY} : {_FEW}": round(ratio, 3)})
    # No bound for noise: what it must not be is a walk through the list.
    assert ratio < 1.5


def _pair(system: Stack, lists: dict[int, Path], accounts: list[Account]) -> list[float]:
    costs = []
    for number, file in lists.items():
        said = system.cli("block", "import", str(file), "--replace", "--json")
        assert json.loads(said.out)["entries"] == number
        costs.append(_cost(system, accounts))
    return costs


def _line(first: int, number: int) -> str:
    return f"{IPv4Address(first)}\n" if number % 10 else f"{IPv4Address(first & ~255)}/24\n"


def _cost(system: Stack, accounts: list[Account]) -> float:
    """Return the seconds of CPU that Kamailio spends on a call."""
    load = Load(system, rate=_RATE, seconds=_SECONDS, hold=_HOLD, mix=("600@",), accounts=accounts)
    before = _cpu(system)
    load.run()
    spent = _cpu(system) - before
    answered = [seen for seen in load.calls.values() if seen.answered and seen.ended]
    assert len(answered) == load.total, "calls suffered"
    return spent / load.total


def _cpu(system: Stack) -> float:
    """Return the seconds of CPU that the container has used (cgroup, of either version)."""
    told = system.engine.exec(
        system.container("kamailio_sbc"), "sh", "-c",
        "cat /sys/fs/cgroup/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpuacct/cpuacct.usage",
    )  # fmt: skip
    if "usage_usec" in told:
        return int(told.split("usage_usec")[1].split()[0]) / 1e6
    return int(told) / 1e9
