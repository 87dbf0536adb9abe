"""Floods: who sends too much is not answered, who goes on is banned; customers never are."""

from __future__ import annotations

import json
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.system import stack

from ringwall.checks.phone import wait_until
from ringwall.runtime.engine import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

_HERE = Path(__file__).parent
_SCENARIOS = _HERE.parent / "system" / "scenarios"
_BAN_S = 4
_EXEMPT, _OFFICE, _NEIGHBOUR = 20, 21, 22
_NUMBERS = iter(range(30, 120))
_RATE = 2000
_PHONES = 200


@dataclass(frozen=True)
class Source:
    """A host of the edge network, by its number there."""

    system: Stack
    number: int

    @property
    def address(self) -> str:
        return str(self.system.settings.instance.subnets.edge[self.number])

    def flood(
        self,
        seconds: float = 3,
        rate: float = _RATE,
        domain: str | None = None,
        forged: str | None = None,
    ) -> dict[str, float]:
        """Send MESSAGEs; return what came of them."""
        edge = self.system.edge
        command = ["python3", "/flooder.py", edge, str(seconds), str(rate), domain or edge]
        options = ["-v", f"{_HERE / 'flooder.py'}:/flooder.py:ro", "--ip", self.address]
        if forged is not None:
            command.append(forged)
            options += ["--user=0", "--cap-add=NET_RAW"]
        said = self.system.tools(*command, options=tuple(options), timeout=seconds + 30)
        told: dict[str, float] = json.loads(said)
        return told

    def is_answered(self) -> bool:
        """Whether OPTIONS is answered within two seconds."""
        ping = ("timeout", "2", "sipsak", "-s", f"sip:ping@{self.system.edge}")
        try:
            self.system.tools(*ping, options=("--ip", self.address))
        except CommandFailed:
            return False
        return True

    @property
    def ban(self) -> dict[str, Any] | None:
        """The ban of this address, as `ringwall bans list` tells it."""
        listed = json.loads(self.system.cli("bans", "list", "--json").out)["bans"]
        found: list[dict[str, Any]] = [one for one in listed if one["address"] == self.address]
        return found[0] if found else None

    def lift(self) -> None:
        """Remove the ban, if there is one."""
        self.system.cli("bans", "remove", self.address)


@pytest.fixture
def stranger(system: Stack) -> Iterator[Source]:
    """An address that no other test has used, and that nobody remembers afterwards."""
    source = Source(system, next(_NUMBERS))
    yield source
    source.lift()


def _configure(system: Stack, flood: str) -> None:
    text = f"{stack.CONFIGURATION}security:\n  flood: {flood}\n" if flood else stack.CONFIGURATION
    (system.workspace.root / "ringwall.yaml").write_text(text)
    system.up()
    system.wait_well()


def messages(system: Stack) -> int:
    """How many MESSAGEs Kamailio has seen."""
    told = system.engine.exec(
        system.container("kamailio_sbc"), "kamcmd", "stats.fetch", "rcv_requests_message"
    )
    return int(told.split("rcv_requests_message:")[1].split()[0])


def in_kernel(system: Stack, address: str) -> bool:
    table = ("nft", "list", "set", "inet", "ringwall", "banned4")
    return f"{address} " in system.engine.exec(system.container("fail2ban"), *table)


def test_a_flood_ends_in_the_kernel_and_calls_go_on(system: Stack, stranger: Source) -> None:
    with system.phone() as alice, ThreadPoolExecutor(1) as pool:
        alice.wait_registered()
        before = messages(system)
        flood = pool.submit(stranger.flood, 20)
        wait_until(lambda: in_kernel(system, stranger.address), 10, "the kernel's ban")
        seen = messages(system)
        call = alice.dial("600")
        call.wait_established()
        call.hangup()
        told = flood.result()
        assert messages(system) == seen
    # What arrived until the kernel dropped the rest: less than two seconds of it.
    assert 0 < seen - before < 2 * _RATE
    assert told["answered"] <= 300
    assert told["sent"] > 10_000
    ban = stranger.ban
    assert ban is not None
    assert (ban["by"], ban["reason"], ban["kernel"]) == ("flood", "flood", True)
    assert "reason=flood action=dropped class=unknown" in system.logs("kamailio_sbc")


def test_a_lifted_ban_lets_the_next_packet_through(system: Stack, stranger: Source) -> None:
    stranger.flood()
    assert not stranger.is_answered()
    said = system.cli("bans", "remove", stranger.address)
    assert said.status == 0, said.err
    assert stranger.is_answered()
    assert stranger.ban is None
    again = system.cli("bans", "remove", stranger.address)
    assert (again.status, "is not banned" in again.err) == (2, True)


def test_an_operator_bans(system: Stack, stranger: Source) -> None:
    said = system.cli("bans", "add", stranger.address, "--for", "10m", "--reason", "a bad day")
    assert said.status == 0, said.err
    assert "by Kamailio and the kernel" in said.out
    assert "a bad day" in system.cli("bans", "list").out
    assert not stranger.is_answered()
    assert Source(system, _NEIGHBOUR).is_answered()
    for exempt in (system.addresses.kamailio_edge, system.addresses.mariadb):
        refused = system.cli("bans", "add", str(exempt))
        assert (refused.status, "never banned" in refused.err) == (2, True)


def test_a_forged_source_costs_nobody_their_phone(system: Stack, stranger: Source) -> None:
    """UDP from the address of a registered phone: its budget is spent, it is not banned."""
    with system.phone() as alice:
        alice.wait_registered()
        victim = str(alice.address)
        stranger.flood(4, forged=victim)
        # Twice the budget of an unknown address would have been enough.
        assert not in_kernel(system, victim)
        assert all(one["address"] != victim for one in system.api.bans()["bans"])
        log = system.logs("kamailio_sbc")
        assert f"reason=flood action=dropped class=registered source={victim}:" in log
        # Its INVITE is repeated until the window is over.
        call = alice.dial("600")
        call.wait_established(30)
        call.hangup()


def test_an_office_registers_all_its_phones_at_once(system: Stack) -> None:
    office = Source(system, _OFFICE)
    names = [str(50_000_000 + secrets.randbelow(9_000_000)) for _ in range(_PHONES)]
    made = system.api.import_subscribers([(name, None) for name in dict.fromkeys(names)])
    users = [
        f"{one['username']};[authentication username={one['username']} password={one['password']}]"
        for one in made["subscribers"]
    ]
    began = time()
    with tempfile.TemporaryDirectory(prefix="ringwall-office-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "users.csv").write_text("\n".join(["SEQUENTIAL", *users]) + "\n")
        system.tools(
            "sh", "-c",
            f"sipp {system.edge}:5060 -sf /scenarios/register_many.xml -inf users.csv -r 2000 "
            f"-m {len(users)} -l {len(users)} -nostdin -p 5060 -timeout 30s -timeout_error "
            "-trace_err -error_file errors >screen 2>&1 "
            "|| { tail -n 40 errors screen >&2; exit 1; }",
            options=("--user=0", "--ip", office.address, "--workdir=/work",
                     "-v", f"{folder}:/work", "-v", f"{_SCENARIOS}:/scenarios:ro"),
        )  # fmt: skip
    assert office.ban is None
    assert f"source={office.address}:" not in system.logs("kamailio_sbc", since=began)
    wanted = {one["username"] for one in made["subscribers"]}
    # So many are listed from MariaDB, where Kamailio writes them every ten seconds.
    wait_until(lambda: wanted <= _registered(system), 30, "all phones to be registered", 1.0)


def _registered(system: Stack) -> set[str]:
    listed = system.api.registrations({"limit": "10000"})["registrations"]
    return {str(one["user"]) for one in listed}


@pytest.mark.parametrize("part", ["kamailio_sbc", "fail2ban", "control", "mariadb"])
def test_a_restart_loses_no_ban(system: Stack, stranger: Source, part: str) -> None:
    system.cli("bans", "add", stranger.address, "--for", "1h")
    system.engine.docker("restart", "--time", "20", system.container(part), timeout=60)
    system.wait_well()
    wait_until(lambda: in_kernel(system, stranger.address), 15, "the ban in the kernel", 0.2)
    assert not stranger.is_answered()
    ban = stranger.ban
    assert ban is not None
    assert ban["kernel"]
    stranger.lift()
    assert stranger.is_answered()


def test_who_is_refused_again_and_again_is_banned(system: Stack, stranger: Source) -> None:
    """Slower than any flood; fail2ban reads it in the log, which has a line in two seconds."""
    stranger.flood(45, rate=1, domain="elsewhere.example.net")
    wait_until(lambda: stranger.ban is not None, 20, "fail2ban's ban", 0.5)
    ban = stranger.ban
    assert ban is not None
    assert (ban["by"], ban["kernel"]) == ("fail2ban", True)


@pytest.fixture
def short(system: Stack) -> Iterator[None]:
    """Bans of some seconds, and an exempt address."""
    exempt = system.settings.instance.subnets.edge[_EXEMPT]
    _configure(system, f"{{first_ban: {_BAN_S}s, longest_ban: 1h, never_ban: [{exempt}]}}")
    yield
    _configure(system, "")


@pytest.mark.usefixtures("short")
def test_bans_grow_and_end_by_themselves(system: Stack, stranger: Source) -> None:
    lengths = []
    for _ in range(2):
        stranger.flood(1.5)
        log = system.logs("kamailio_sbc").rpartition(f"ban address={stranger.address} ")[2]
        lengths.append(int(log.split("seconds=")[1].split()[0]))
        wait_until(stranger.is_answered, 30, "the end of the ban", 0.5)
        assert stranger.ban is None
    assert lengths == [_BAN_S, 2 * _BAN_S]
    exempt = Source(system, _EXEMPT)
    told = exempt.flood(2)
    assert told["answered"] <= 300
    assert exempt.ban is None
    line = f"reason=flood action=dropped class=unknown source={exempt.address}:"
    assert line in system.logs("kamailio_sbc")


@pytest.fixture
def off(system: Stack) -> Iterator[None]:
    _configure(system, "off")
    yield
    _configure(system, "")


@pytest.mark.usefixtures("off")
def test_switched_off_nothing_of_this_happens(stranger: Source) -> None:
    told = stranger.flood(2, rate=1000)
    assert told["answered"] > 700
    assert stranger.ban is None
