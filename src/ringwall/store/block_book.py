"""The blocklist in memory, and as Kamailio looks addresses up (routes/blocklist.cfg).

Kamailio has one hash table of IPv4 (it listens on no other; the kernel knows IPv6 too). An address
is in it as it is written; a network of length L as the number 2**L + its first L bits. Beside them
``198.51`` says which lengths there are of networks around addresses that begin so: bit 0 is /31.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from ringwall.errors import BadInput

Network: TypeAlias = IPv4Network | IPv6Network
Keys: TypeAlias = Mapping[str, int | None]
"""What Kamailio's table has by each key; None: nothing."""

MAX_ENTRIES = 100_000
_WIDEST = {4: 8, 6: 16}
_KINDS: Mapping[int, Callable[[tuple[int, int]], Network]] = {4: IPv4Network, 6: IPv6Network}


@dataclass(frozen=True, slots=True)
class Entry:
    """An address or network that is blocked, or allowed; times have a zone."""

    network: Network
    allowed: bool = False
    comment: str = ""
    since: datetime | None = None
    """None: Kamailio's own tools have made it."""
    until: datetime | None = None

    @property
    def target(self) -> str:
        """The network as people write it."""
        return written(self.network)

    def holds(self, now: datetime) -> bool:
        """Whether it is not over."""
        return self.until is None or self.until > now


def written(network: Network) -> str:
    """Return a network as people write it: one address without its length."""
    return str(network.network_address if _is_alone(network) else network)


def read_target(text: str) -> Network:
    """Read an address or a network; raise ``BadInput``."""
    try:
        network = ip_network(text)
    except ValueError:
        raise BadInput(*_fault(text)) from None
    widest = _WIDEST[network.version]
    if network.prefixlen < widest:
        raise BadInput(f"{text} is too wide", f"write a length of /{widest} or more")
    return network


def _fault(text: str) -> tuple[str, str]:
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        return f"{text[:64]!r} is no address or network", "write 198.51.100.7 or 198.51.100.0/24"
    return f"{text} has bits beyond its length", f"write {meant}"


class Book:
    """All entries, one a network, as they are at one moment."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: dict[Network, Entry] = {}
        self._lengths: dict[str, int] = {}
        self._add(entries)

    def changed(self, put: Sequence[Entry], gone: Iterable[Network]) -> tuple[Book, Keys]:
        """Return the book with this change, and what that changes of Kamailio's table."""
        gone = set(gone)
        after = Book()
        after.entries = {n: entry for n, entry in self.entries.items() if n not in gone}
        after._lengths = dict(self._lengths)
        after._add(put)
        keys: dict[str, int | None] = {_key(n): None for n in gone if n.version == 4}
        marks = after._lengths.items() - self._lengths.items()
        return after, keys | _values(put) | dict(marks)

    def keys(self) -> dict[str, int]:
        """Return all that Kamailio's table should hold."""
        return _values(self.entries.values()) | self._lengths

    def covering(self, address: str) -> list[Entry]:
        """Return the entries that an address is in, the narrowest first."""
        ip = ip_address(address)
        kind, bits = _KINDS[ip.version], ip.max_prefixlen
        lengths = range(bits, _WIDEST[ip.version] - 1, -1)
        around = (kind((int(ip) >> bits - n << bits - n, n)) for n in lengths)
        return [self.entries[network] for network in around if network in self.entries]

    def allows(self, address: str, now: datetime) -> bool:
        """Whether the address is on the allowlist."""
        return any(one.allowed and one.holds(now) for one in self.covering(address))

    def next_end(self) -> datetime | None:
        """Return when the first entry is over."""
        return min((e.until for e in self.entries.values() if e.until is not None), default=None)

    def _add(self, entries: Iterable[Entry]) -> None:
        """Take entries in. No length is forgotten: one too many costs a look-up, no more."""
        for entry in entries:
            network = entry.network
            self.entries[network] = entry
            if isinstance(network, IPv4Network) and not _is_alone(network):
                for beginning in _beginnings(network):
                    bit = 1 << 31 - network.prefixlen
                    self._lengths[beginning] = self._lengths.get(beginning, 0) | bit


def _is_alone(network: Network) -> bool:
    return network.prefixlen == network.max_prefixlen


def _beginnings(network: IPv4Network) -> list[str]:
    """Return the first two numbers of its addresses."""
    first, number = int(network.network_address) >> 16, 1 << max(0, 16 - network.prefixlen)
    return [f"{each >> 8}.{each & 255}" for each in range(first, first + number)]


def _key(network: Network) -> str:
    if _is_alone(network):
        return str(network.network_address)
    length = network.prefixlen
    return str((1 << length) + (int(network.network_address) >> 32 - length))


def _values(entries: Iterable[Entry]) -> dict[str, int]:
    """Return 1: blocked, -1: allowed; or until which second, negative where it is allowed."""
    found = {}
    for entry in entries:
        if entry.network.version == 4:
            end = 1 if entry.until is None else round(entry.until.timestamp())
            found[_key(entry.network)] = -end if entry.allowed else end
    return found
