"""What a call costs Kamailio: CPU time of its container, by variant, in pairs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ringwall.checks.bench import cpu
from ringwall.checks.bench.ratio import Ratio, ratio
from ringwall.checks.bench.site import Site
from ringwall.checks.phone import Account
from ringwall.errors import RingwallError
from ringwall.runtime import images
from ringwall.runtime.engine import CommandFailed

_SCENARIOS = Path(__file__).parent
_HOLD_MS = 500


@dataclass(frozen=True, slots=True)
class Load:
    """So many ``calls`` in a run, ``rate`` a second, of these ``accounts``."""

    accounts: Sequence[Account]
    rate: int
    calls: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a variant: microseconds of CPU a call (median), and what that is of the bare relay."""

    variant: str
    microseconds: float
    of_bare: Ratio | None
    """None: it is the bare relay."""


def measure(site: Site, load: Load, pairs: int, say: Callable[[str], None]) -> list[Cost]:
    """Measure the bare relay and each variant one right after the other, ``pairs`` times.

    Raises ``RingwallError`` when a call failed: such a run says nothing.
    """
    found = {name: _pairs(site, name, load, pairs, say) for name in VARIANTS}
    bare = [first for each in found.values() for first, _ in each]
    costs = [Cost("bare", median(bare), None)]
    for name, each in found.items():
        costs.append(Cost(name, median(second for _, second in each), ratio(each)))
    return costs


VARIANTS = {"security": "records: {enabled: false}\n", "everything": ""}
"""What is switched on in each, as the end of its ringwall.yaml says."""


def _pairs(
    site: Site, name: str, load: Load, pairs: int, say: Callable[[str], None]
) -> list[tuple[float, float]]:
    site.configure(VARIANTS[name])
    found = []
    for number in range(1, pairs + 1):
        found.append((_run(site, site.bare(), load), _run(site, site.ringwall(), load)))
        first, second = found[-1]
        say(f"{name} {number}/{pairs}: {second:.0f} µs a call, bare {first:.0f} µs")
    return found


def _run(site: Site, variant: AbstractContextManager[str], load: Load) -> float:
    """Place the calls; return microseconds of CPU a call."""
    with variant as container:
        _place(site, load, load.calls // 10)  # warm-up
        before = cpu.used(site.engine, container)
        _place(site, load, load.calls)
        return (cpu.used(site.engine, container) - before) * 1e6 / load.calls


def _place(site: Site, load: Load, calls: int) -> None:
    lines = [
        f"{one.username};[authentication username={one.username} password={one.password}]"
        for one in load.accounts
    ]
    with tempfile.TemporaryDirectory(prefix="ringwall-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users.csv").write_text("\n".join(["SEQUENTIAL", *lines]) + "\n")
        try:
            site.engine.run(
                images.image_tag("tools", site.settings),
                "sh", "-c", _command(str(site.addresses.kamailio_edge), load.rate, calls),
                options=["--user=0", "--init", "--network", site.addresses.network("edge"),
                         "-v", f"{folder}:/users:ro", "-v", f"{_SCENARIOS}:/scenarios:ro",
                         "--tmpfs=/work", "--workdir=/work"],
                timeout=calls / load.rate + 60,
            )  # fmt: skip
        except CommandFailed as error:
            raise RingwallError(f"calls of the benchmark failed:\n{error.output}") from error


def _command(edge: str, rate: int, calls: int) -> str:
    return (
        f"sipp {edge}:5060 -sf /scenarios/call.xml -inf /users/users.csv -r {rate} -m {calls} "
        f"-l {calls} -d {_HOLD_MS} -default_behaviors none -recv_timeout 20000 -nostdin -p 5060 "
        "-trace_err -error_file errors >screen 2>&1 || { tail -n 20 errors screen >&2; exit 1; }"
    )
