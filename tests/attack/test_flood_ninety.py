"""Ninety seconds of flood, as fast as this machine sends: customers notice nothing of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.attack.test_flood import Source, in_kernel, messages
from tests.system.load import Load

from ringwall.checks.bench import cpu
from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

pytestmark = pytest.mark.long
_SECONDS, _CALLING_S, _QUIET_S = 90, 60, 15
_BANNED_S = 2
_AS_FAST_AS_IT_GOES = 10**9

_STRANGERS = range(200, 203)


@pytest.fixture
def strangers(system: Stack) -> Iterator[list[Source]]:
    sources = [Source(system, number) for number in _STRANGERS]
    yield sources
    for source in sources:
        source.lift()


def test_customers_notice_nothing(system: Stack, strangers: list[Source]) -> None:
    idle, memory = _cpu_share(system), _shared_memory(system)
    before = messages(system)
    load = Load(system, rate=2, seconds=_CALLING_S, hold=0.5, mix=("600@",))
    with ThreadPoolExecutor(len(strangers)) as pool, load.running() as calling:
        floods = [pool.submit(one.flood, _SECONDS, _AS_FAST_AS_IT_GOES) for one in strangers]
        wait_until(lambda: messages(system) > before, 20, "the flood", 0.05)
        wait_until(
            lambda: all(in_kernel(system, one.address) for one in strangers),
            _BANNED_S,
            "the kernel's bans",
            0.05,
        )
        calling.result(_CALLING_S + 30)
        during = _cpu_share(system)
        assert not any(flood.done() for flood in floods), "the flood ended before it was measured"
        sent = [flood.result()["sent"] for flood in floods]
    print({"sent": sent, "idle": idle, "in the flood": during, "calls": len(load.calls)})
    good = [seen for seen in load.calls.values() if seen.answered and seen.ended]
    assert len(good) >= 0.99 * load.total
    assert min(sent) > 100_000
    assert during <= idle * 1.10
    assert _shared_memory(system) <= memory * 1.01


def _cpu_share(system: Stack) -> float:
    """How much of a core Kamailio uses, over some seconds."""
    sbc = system.container("kamailio_sbc")
    used, begun = cpu.used(system.engine, sbc), time.monotonic()
    time.sleep(_QUIET_S)
    return (cpu.used(system.engine, sbc) - used) / (time.monotonic() - begun)


def _shared_memory(system: Stack) -> int:
    """Bytes of shared memory that Kamailio uses."""
    told = system.engine.exec(system.container("kamailio_sbc"), "kamcmd", "core.shmmem")
    return int(told.split("used:")[1].split()[0])
