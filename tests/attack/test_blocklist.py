"""Who is blocked gets no answer, who is allowed is let in; live, and for 100,000."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.configured import configured
from tests.system.load import Load

from ringwall.checks.phone import wait_until
from ringwall.runtime.engine import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Said, Stack

_HERE = Path(__file__).parent
_MOST = 100_000
_NUMBERS = iter(range(130, 190))


@dataclass(frozen=True)
class Source:
    """A host of the edge network, by its number there."""

    system: Stack
    number: int

    @property
    def address(self) -> str:
        return str(self.system.settings.instance.subnets.edge[self.number])

    def is_answered(self, transport: str = "udp") -> bool:
        """Whether OPTIONS is answered within two seconds."""
        ask = ("timeout", "2", "sipsak", "-E", transport, "-s", f"sip:ping@{self.system.edge}")
        try:
            self.system.tools(*ask, options=("--ip", self.address))
        except CommandFailed:
            return False
        return True

    def flood(self) -> dict[str, float]:
        """Send what gets anybody else banned."""
        edge = self.system.edge
        told: dict[str, float] = json.loads(
            self.system.tools(
                "python3", "/flooder.py", edge, "3", "1000", edge,
                options=("-v", f"{_HERE / 'flooder.py'}:/flooder.py:ro", "--ip", self.address),
            )
        )  # fmt: skip
        return told


def _block(system: Stack, *words: str) -> Said:
    said = system.cli("block", *words)
    assert said.status == 0, said.err
    return said


def _listed(system: Stack, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_block(system, "list", *words, "--json").out)["blocks"]
    return found


def _kamailio_has(system: Stack, key: str) -> bool:
    """Whether Kamailio itself has something of a key."""
    command = ("kamcmd", "htable.get", "blocklist", key)
    return "value: " in system.engine.exec(system.container("kamailio_sbc"), *command)


def _is_banned(system: Stack, address: str) -> bool:
    return any(one["address"] == address for one in system.api.bans()["bans"])


@pytest.fixture
def stranger(system: Stack, tmp_path: Path) -> Iterator[Source]:
    """An address that no other test has used; the list is empty afterwards."""
    source = Source(system, next(_NUMBERS))
    yield source
    rest = tmp_path / "rest.txt"
    rest.write_text("192.0.2.255\n")
    _block(system, "import", str(rest), "--replace")  # whatever a test has left, at once
    for row in _listed(system):
        _block(system, "remove", row["target"])
    system.cli("bans", "remove", source.address)


def test_who_is_blocked_gets_no_answer_until_it_is_removed(system: Stack, stranger: Source) -> None:
    assert stranger.is_answered("tcp")
    said = _block(system, "add", stranger.address, "--comment", "a bad day")
    assert "is blocked" in said.out
    assert said.err == ""
    assert not stranger.is_answered()
    assert not stranger.is_answered("tcp")
    assert Source(system, stranger.number + 60).is_answered()
    assert [row["comment"] for row in _listed(system, stranger.address)] == ["a bad day"]
    told = system.cli("why", stranger.address)
    assert (told.status, "blocklisted" in told.out) == (0, True)
    _block(system, "remove", stranger.address)
    assert stranger.is_answered()
    assert stranger.is_answered("tcp")
    again = system.cli("block", "remove", stranger.address)
    assert (again.status, "is not on the list" in again.err) == (2, True)


def test_kamailio_refuses_what_the_kernel_lets_through(system: Stack, stranger: Source) -> None:
    """The kernel's rules gone, as with its guard dead from the start."""
    _block(system, "add", stranger.address)
    guard = system.container("fail2ban")
    system.engine.exec(guard, "nft", "delete", "chain", "inet", "ringwall", "early")
    try:
        before = system.logs("kamailio_sbc").count("reason=blocklisted")
        assert not stranger.is_answered()
        assert not stranger.is_answered("tcp")
        assert system.logs("kamailio_sbc").count("reason=blocklisted") > before
    finally:
        system.engine.docker("restart", guard, timeout=60)
        system.wait_well()


def test_a_network_is_blocked_but_for_one(system: Stack, stranger: Source) -> None:
    edge = system.settings.instance.subnets.edge
    network = f"{edge[200]}/29"
    first, last, next_one = (Source(system, number) for number in (200, 207, 208))
    _block(system, "add", network, "--for", "1d")
    assert [one.is_answered() for one in (first, last, next_one)] == [False, False, True]
    _block(system, "allow", last.address)
    assert [one.is_answered() for one in (first, last)] == [False, True]
    assert [row["target"] for row in _listed(system, last.address)] == [last.address, network]
    assert stranger.is_answered()


def test_a_block_ends_by_itself(system: Stack, stranger: Source) -> None:
    _block(system, "add", stranger.address, "--for", "8s")
    assert not stranger.is_answered()
    wait_until(stranger.is_answered, 30, "the end of the block", 0.5)
    wait_until(lambda: not _listed(system), 10, "the list to be empty", 0.5)
    assert not _kamailio_has(system, stranger.address)


def test_who_is_allowed_is_never_banned(system: Stack, stranger: Source) -> None:
    system.cli("bans", "add", stranger.address)
    assert not stranger.is_answered()
    _block(system, "allow", stranger.address)
    assert stranger.is_answered()
    wait_until(lambda: not _is_banned(system, stranger.address), 10, "the ban to be lifted", 0.5)
    refused = system.cli("bans", "add", stranger.address)
    assert (refused.status, "allowlist" in refused.err) == (2, True)
    # Budgets hold: 300 at once, and the silence of the window after it.
    assert 0 < stranger.flood()["answered"] <= 300
    assert not _is_banned(system, stranger.address)
    wait_until(stranger.is_answered, 20, "the next window", 1.0)


def test_what_must_not_be_blocked_cannot_be(system: Stack, stranger: Source) -> None:
    subnets = system.settings.instance.subnets
    for own in (
        system.edge,
        str(subnets.edge[1]),
        str(subnets.edge),
        str(system.addresses.mariadb),
    ):
        refused = system.cli("block", "add", own)
        assert (refused.status, "never blocked" in refused.err) == (2, True)
        assert "Remedy" in refused.err
    assert system.cli("block", "add", "nobody").status == 2
    assert _listed(system) == []
    assert stranger.is_answered()


def test_kamctl_s_table_has_the_list(system: Stack, stranger: Source) -> None:
    _block(system, "add", f"{stranger.address}/32", "--comment", "scans")
    query = "SELECT grp, mask, tag FROM address"
    told = system.engine.exec(
        system.container("mariadb"), "sh", "-c",
        'mariadb -h "$(hostname -i | cut -d" " -f1)" -u control '
        f'-p"$(cat /run/ringwall/secrets/control_password)" kamailio -Ne "{query}"',
    )  # fmt: skip
    assert told.split() == ["403", "32", "scans"]


@pytest.mark.parametrize("part", ["kamailio_sbc", "fail2ban", "control", "mariadb"])
def test_a_restart_loses_no_block(system: Stack, stranger: Source, part: str) -> None:
    _block(system, "add", stranger.address)
    system.engine.docker("restart", "--time", "20", system.container(part), timeout=60)
    system.wait_well()
    assert not stranger.is_answered()
    assert _kamailio_has(system, stranger.address)
    wait_until(lambda: system.api.blocks(None)["kernel"], 20, "the kernel to have the list", 0.3)
    _block(system, "remove", stranger.address)
    assert stranger.is_answered()


def test_blocks_hold_without_mariadb(system: Stack, stranger: Source) -> None:
    _block(system, "add", stranger.address)
    system.engine.docker("stop", "--time", "20", system.container("mariadb"), timeout=60)
    try:
        assert not stranger.is_answered()
        assert system.cli("block", "add", f"{stranger.address}/31").status in {1, 2}
        assert Source(system, stranger.number + 60).is_answered()
    finally:
        system.engine.docker("start", system.container("mariadb"))
        system.wait_well()


def test_an_import_is_all_or_nothing(system: Stack, stranger: Source, tmp_path: Path) -> None:
    file = tmp_path / "feed.txt"
    file.write_text(f"{stranger.address}\nnobody\n\n{system.edge}\n192.0.2.1/24 # bits\n")
    refused = system.cli("block", "import", str(file))
    assert refused.status == 2
    for line in (2, 4, 5):
        assert f"{file}:{line}: " in refused.err
    assert f"{file}:1: " not in refused.err
    assert _listed(system) == []
    file.write_text(f"# feed\n{stranger.address} # scans\n192.0.2.0/24\n")
    assert "Added 2" in _block(system, "import", str(file)).out
    assert not stranger.is_answered()
    file.write_text("192.0.2.0/24\n")
    assert "removed 1" in _block(system, "import", str(file), "--replace").out
    assert stranger.is_answered()


def test_100_000_are_imported_while_calls_go_on(
    system: Stack, stranger: Source, tmp_path: Path
) -> None:
    file = tmp_path / "feed.txt"
    start = int(IPv4Address("11.0.0.0"))
    many = (str(IPv4Address(start + 7919 * n)) for n in range(_MOST - 1))
    file.write_text("".join(f"{one} # feed\n" for one in many) + f"{stranger.address}\n")
    load = Load(system, rate=10, seconds=25.0, hold=4.0, mix=("600@",))
    with load.running():
        begun = monotonic()
        said = _block(system, "import", str(file))
        took = {"import": monotonic() - begun}
        assert f"Added {_MOST}" in said.out
        begun = monotonic()
        system.engine.exec(system.container("kamailio_sbc"), "kamcmd", "htable.reload", "blocklist")
        took["reload"] = monotonic() - begun
    print({name: round(seconds, 2) for name, seconds in took.items()})
    lost = [seen for seen in load.calls.values() if not (seen.answered and seen.ended)]
    assert lost == []
    assert len(load.calls) == load.total
    assert not stranger.is_answered()
    full = system.cli("block", "add", str(IPv4Address(start + 1)))
    assert (full.status, "are the most" in full.err) == (2, True)
    begun = monotonic()
    _block(system, "remove", stranger.address)
    print({"remove one": round(monotonic() - begun, 2)})
    assert stranger.is_answered()
    file.write_text(f"{stranger.address}\n")
    _block(system, "import", str(file), "--replace")
    assert len(_listed(system)) == 1


def test_without_the_layer_the_blocked_are_answered(system: Stack, stranger: Source) -> None:
    _block(system, "add", stranger.address)
    with configured(system, "security:\n  blocklist: {enabled: false}\n"):
        assert stranger.is_answered()
        assert stranger.is_answered("tcp")
        assert "switched off" in system.cli("block", "list").err
    wait_until(lambda: system.api.blocks(None)["kernel"], 20, "the kernel to have the list", 0.3)
    assert not stranger.is_answered()
