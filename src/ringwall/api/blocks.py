"""The blocklist: one list of what the database, Kamailio and the kernel each hold."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from threading import Lock

from ringwall.api import block_file
from ringwall.api.block_models import (
    BlockRow,
    Blocks,
    BlocksImported,
    Made,
    NewBlock,
    Removed,
)
from ringwall.errors import BadInput, RingwallError
from ringwall.store.block_book import (
    MAX_ENTRIES,
    Book,
    Entry,
    Keys,
    Network,
    read_target,
    written,
)
from ringwall.store.blocks import NoSuchBlock, StoredBlocks
from ringwall.telemetry.guard import Guard, GuardAway
from ringwall.telemetry.kamailio_rpc import KamailioRpc, RpcRefused

_TABLE = "blocklist"
# More changes than that, and Kamailio reads the whole table anew.
_FEW = 16
_RELOAD_SECONDS = 30.0
_LOOK_AGAIN = timedelta(minutes=1)
_log = logging.getLogger(__name__)


class BlockDesk:
    """Where blocks and exceptions are made and removed. The database is what counts.

    One change at a time: database, then Kamailio, then the kernel. Whoever was away then is made
    good by ``catch_up``, which somebody has to call every second or so; it also ends what is over
    and takes in what Kamailio's own tools have written. Every method that changes something raises
    ``DatabaseAway`` when it cannot be kept.
    """

    def __init__(
        self,
        stored: StoredBlocks,
        kamailio: KamailioRpc,
        guard: Guard,
        never: Sequence[IPv4Network],
        enabled: bool = True,
    ) -> None:
        self._stored, self._kamailio, self._guard = stored, kamailio, guard
        self._never = [(network, *_ends(network)) for network in never]
        self._enabled = enabled
        self._changing = Lock()
        self._book = Book()
        # Who is blocked, who is allowed, and what tells these lists from others.
        self._for_kernel: tuple[Sequence[str], Sequence[str]] = ((), ())
        self._version = ""
        self._read_at = datetime.fromtimestamp(0, UTC)
        self._state: int | None = None
        """Of the database's list, as it was read; None: read it anew."""
        self._kamailio_knows = True

    def listed(self, address: str | None = None) -> Blocks:
        """Return the entries, by address; or those that an address is in, the narrowest first."""
        with self._changing:
            self._read_if_new()
            now, book = self._stored.now(), self._book
        if address is None:
            found = sorted(book.entries.values(), key=_order)
        else:
            found = book.covering(_address(address))
        rows = [_row(entry) for entry in found if entry.holds(now)]
        return Blocks(blocks=rows, enabled=self._enabled, kernel=self._kernel_knows())

    def allows(self, address: str) -> bool:
        """Whether an address is on the allowlist; False where the list does not hold."""
        return self._enabled and self._book.allows(address, self._stored.now())

    def put(self, target: str, wanted: NewBlock) -> Made:
        """Block or allow an address or a network, instead of what is on the list of it."""
        network, now = read_target(target), self._stored.now()
        until = None if wanted.seconds is None else now + timedelta(seconds=wanted.seconds)
        entry = Entry(network, wanted.action == "allow", wanted.comment, now, until)
        if not entry.allowed:
            self._refuse_own(network)
        with self._changing:
            self._read_if_new()
            before = self._book.entries.get(network)
            if before is not None and before.allowed and before.holds(now) and not entry.allowed:
                raise BadInput(
                    f"{entry.target} is on the allowlist",
                    f"`ringwall block remove {entry.target}` first",
                )
            warnings = self._change([entry], [])
        return Made(**_row(entry).model_dump(), warnings=warnings + self._ineffective(entry))

    def remove(self, target: str) -> Removed:
        """Take an entry off the list: the next packet gets through."""
        network = read_target(target)
        with self._changing:
            self._read_if_new()
            if network not in self._book.entries:
                raise NoSuchBlock(
                    f"{written(network)} is not on the list",
                    f"`ringwall block list {network.network_address}` shows what covers it",
                )
            warnings = self._change([], [network])
        return Removed(target=written(network), warnings=warnings)

    def import_all(self, content: bytes, replace: bool, seconds: int | None) -> BlocksImported:
        """Block all addresses and networks of a file, or none; raise ``BadRows``.

        ``replace``: what else is blocked is so no longer. The allowlist stays as it is.
        """
        now = self._stored.now()
        until = None if seconds is None else now + timedelta(seconds=seconds)
        model = Entry(IPv4Network(0), comment="", since=now, until=until)
        wanted = block_file.read(content, model, self._refuse_own)
        with self._changing:
            self._read_if_new()
            there = self._book.entries
            named = {one.network for one in wanted}
            allowed = {n for n in named if n in there and there[n].allowed}
            # What is there as it should be stays: a list that is imported daily costs little.
            put = [
                one
                for one in wanted
                if one.network not in allowed and not _is_same(one, there.get(one.network))
            ]
            others = [n for n, entry in there.items() if not entry.allowed and n not in named]
            gone = others if replace else []
            added = len(named - there.keys())
            warnings = self._change(put, gone)
            return BlocksImported(
                added=added,
                removed=len(gone),
                allowed=len(allowed),
                entries=len(self._book.entries),
                warnings=warnings,
            )

    def stand(self) -> None:
        """Put the list into the kernel, before Kamailio listens; raise when that is not so."""
        with self._changing:
            self._read_if_new()
            if not self._kernel_knows():
                self._tell_guard()

    def catch_up(self) -> bool:
        """Bring together what the database, Kamailio and the kernel hold."""
        with self._changing:
            try:
                self._look()
            finally:  # also while MariaDB is away
                self._make_good()
        return True

    def _change(self, put: Sequence[Entry], gone: Sequence[Network]) -> list[str]:
        """Write it down and tell everyone; return who has not heard of it."""
        after, keys = self._book.changed(put, gone)
        if len(after.entries) > MAX_ENTRIES:
            raise BadInput(
                f"the list would have {len(after.entries)} entries; {MAX_ENTRIES} are the most",
                "join neighbours to networks, or remove some",
            )
        self._stored.change(put, gone, keys)
        self._take(after)
        self._state = self._stored.state()
        return self._tell(keys)

    def _tell(self, keys: Keys) -> list[str]:
        warnings = []
        everyone: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Kamailio", lambda: self._tell_kamailio(keys)),
            ("the kernel", self._tell_guard),
        )
        for name, tell in everyone:
            try:
                tell()
            except RingwallError as error:
                _log.warning("%s", error)
                warnings.append(f"{name} does not know of it yet: {error}")
        return warnings

    def _take(self, book: Book) -> None:
        self._book = book
        self._for_kernel = self._lists()
        self._version = hashlib.sha256(json.dumps(self._for_kernel).encode()).hexdigest()

    def _read_if_new(self) -> None:
        """Read the list, where it is not known or somebody else has changed it."""
        if self._state is not None:
            return
        state, entries = self._stored.state(), self._stored.read()
        now = self._stored.now()
        book = Book(entry for entry in entries if entry.holds(now))
        keys = _difference(self._stored.keys(), book.keys())
        over = [entry.network for entry in entries if not entry.holds(now)]
        if keys or over:
            self._kamailio_knows = False
            self._stored.change([], over, keys)
            state = self._stored.state()
        self._take(book)
        self._state, self._read_at = state, now

    def _look(self) -> None:
        """See what has changed by itself: the time, and once a minute what others have written."""
        now = self._stored.now()
        self._end_what_is_over(now)
        if now > self._read_at + _LOOK_AGAIN:
            self._read_at = now
            if self._stored.state() != self._state:
                self._state = None
        self._read_if_new()

    def _end_what_is_over(self, now: datetime) -> None:
        """Kamailio knows the ends by itself, the kernel does not: it need not wait for MariaDB."""
        end = self._book.next_end()
        if end is None or end > now:
            return
        over = [network for network, e in self._book.entries.items() if not e.holds(now)]
        after, keys = self._book.changed([], over)
        self._take(after)
        self._state = None
        self._stored.change([], over, keys)
        self._state = self._stored.state()
        _log.info("blocks and exceptions that were over: %d", len(over))
        self._tell(keys)

    def _make_good(self) -> None:
        """Tell those who were away."""
        if self._version and self._guard.blocks_version() != self._version:
            self._tell_guard()
        if not self._kamailio_knows:
            self._reload()

    def _tell_kamailio(self, keys: Keys) -> None:
        """Kamailio reads the database at its start: whoever is away now has it then."""
        self._kamailio_knows = False
        if len(keys) > _FEW:
            self._reload()
            return
        for name, value in keys.items():
            if value is None:
                with suppress(RpcRefused):  # it has nothing
                    self._kamailio.call("htable.delete", _TABLE, name)
            else:
                self._kamailio.call("htable.seti", _TABLE, name, value)
        self._kamailio_knows = True

    def _reload(self) -> None:
        self._kamailio.call("htable.reload", _TABLE, timeout=_RELOAD_SECONDS)
        self._kamailio_knows = True

    def _tell_guard(self) -> None:
        self._guard.block(*self._for_kernel, self._version)

    def _kernel_knows(self) -> bool:
        try:
            return self._guard.blocks_version() == self._version
        except GuardAway as error:
            _log.warning("%s", error)
            return False

    def _lists(self) -> tuple[list[str], list[str]]:
        """Write down who is blocked and who is allowed; sorted, the kernel takes it quicker."""
        entries = sorted(self._book.entries.values(), key=_order) if self._enabled else []
        return (
            [entry.target for entry in entries if not entry.allowed],
            [entry.target for entry in entries if entry.allowed],
        )

    def _refuse_own(self, network: Network) -> None:
        first, last = _ends(network)
        for own, begins, ends in self._never:
            if network.version == 4 and begins <= last and first <= ends:
                raise BadInput(
                    f"{written(network)} covers {written(own)}, which is never blocked: a PBX,"
                    " one of our own networks, or in security.flood.never_ban",
                    "block narrower networks beside it",
                )

    def _ineffective(self, entry: Entry) -> list[str]:
        """Tell what else the list says of an address that was blocked."""
        if not self._enabled:
            return ["the layer is off: security.blocklist.enabled"]
        around = self._book.covering(str(entry.network.network_address))
        wider = [e for e in around if e.allowed and e.network.prefixlen < entry.network.prefixlen]
        if entry.allowed or not wider:
            return []
        return [f"{wider[0].target} is on the allowlist, so it is not blocked"]


def _difference(there: Keys, wanted: Keys) -> dict[str, int | None]:
    """Return what has to change of the keys that are there."""
    gone: dict[str, int | None] = dict.fromkeys(there.keys() - wanted.keys())
    return gone | {name: value for name, value in wanted.items() if there.get(name) != value}


def _is_same(entry: Entry, there: Entry | None) -> bool:
    return there is not None and (entry.comment, entry.until) == (there.comment, there.until)


def _ends(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


def _order(entry: Entry) -> tuple[int, int, int]:
    network = entry.network
    return network.version, int(network.network_address), network.prefixlen


def _address(text: str) -> str:
    network = read_target(text)
    if network.prefixlen != network.max_prefixlen:
        raise BadInput(f"{text} is no address", "write one, as 198.51.100.7")
    return str(network.network_address)


def _row(entry: Entry) -> BlockRow:
    return BlockRow(
        target=entry.target,
        action="allow" if entry.allowed else "block",
        comment=entry.comment,
        since=entry.since,
        until=entry.until,
    )
