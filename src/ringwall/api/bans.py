"""Bans: one list of what the database, Kamailio and the kernel each hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, ip_address
from threading import Lock

from ringwall.api.ban_models import BanRow, Bans, NewBan, Told
from ringwall.errors import BadInput, RingwallError
from ringwall.store.bans import Ban, StoredBans
from ringwall.telemetry.guard import Guard, GuardAway, KernelBan
from ringwall.telemetry.kamailio_rpc import KamailioRpc, RpcRefused

OPERATOR, FAIL2BAN = "operator", "fail2ban"
# What routes/flood.cfg remembers of an address.
_TABLES = ("bans", "ban_counts", "weights", "strikes", "flooding")
_READ_AGAIN = timedelta(minutes=1)
_log = logging.getLogger(__name__)


class NoSuchBan(BadInput):
    """The address is not banned."""


class BanDesk:
    """Where bans are made and lifted. The database is what counts; the others follow it.

    The kernel's are made first: they are what a flood waits for. What could not be told to somebody
    is made good by ``catch_up``, which somebody has to call every second or so.
    """

    def __init__(
        self,
        stored: StoredBans,
        kamailio: KamailioRpc,
        guard: Guard,
        never: Sequence[IPv4Network],
        allows: Callable[[str], bool],
    ) -> None:
        """``allows``: whether an address is on the allowlist, and so never banned."""
        self._stored, self._kamailio, self._guard, self._never = stored, kamailio, guard, never
        self._allows = allows
        self._changing = Lock()
        # What the database holds; nobody else writes there.
        self._known: dict[str, Ban] = {}
        self._read_at = datetime.fromtimestamp(0, UTC)

    def list(self) -> Bans:
        """Return who is banned, and where that holds."""
        kernel: dict[str, KernelBan] | None
        try:
            kernel = self._guard.bans()
        except GuardAway as error:
            _log.warning("%s", error)
            kernel = None
        rows = [_row(ban, kernel) for ban in self._stored.active()]
        return Bans(bans=rows, kernel=kernel is not None)

    def add(self, address: str, wanted: NewBan) -> BanRow:
        """Ban it by order of an operator; one that is registered by Kamailio alone."""
        address = written(address)
        self._refuse_exempt(address)
        with self._changing:
            ban = self._next(address, wanted.seconds, wanted.reason, OPERATOR)
            ban = replace(ban, in_kernel=not self._is_registered(address))
            self._keep(ban)
            in_kernel = self._tell_guard(ban)
            self._tell_kamailio(ban)
        kernel = KernelBan(address, wanted.seconds, OPERATOR, 0)
        return _row(ban, {address: kernel} if in_kernel else {})

    def remove(self, address: str) -> None:
        """Let the next packet through, with a clean record; raise where anyone is away."""
        address = written(address)
        with self._changing:
            if not self._lift(address):
                raise NoSuchBan(f"{address} is not banned", "`ringwall bans list` shows who is")

    def told(self, news: Told) -> None:
        """Take note of a ban that Kamailio made; ``catch_up`` lifts one that must not be."""
        address, now = written(news.address), self._stored.now()
        until = now + timedelta(seconds=news.seconds)
        with self._changing:
            ban = Ban(address, news.reason, "flood", now, until, news.count)
            self._tell_guard(ban)
            self._keep(ban)
        _log.info("banned %s for %d s: %s", address, news.seconds, news.reason)

    def stand(self) -> None:
        """Put every ban into the kernel, before Kamailio listens; raise when that is not so."""
        with self._changing:
            self._guard.bans()  # it must be there, also where there is none
            self._read()
            for ban in self._known.values():
                if ban.in_kernel:
                    self._guard.ban(ban.address, ban.left(self._stored.now()), ban.made_by)

    def catch_up(self) -> bool:
        """Bring together what is known here and what the kernel holds."""
        with self._changing:
            if self._stored.now() > self._read_at + _READ_AGAIN:
                self._stored.forget()
                self._read()
            for address in [each for each in self._known if self._allows(each)]:
                self._lift(address)
                _log.info("%s is on the allowlist: its ban is lifted", address)
            kernel, now = self._guard.bans(), self._stored.now()
            wanted = {a: ban for a, ban in self._known.items() if ban.in_kernel and ban.until > now}
            for address in kernel.keys() - wanted.keys():
                self._take_in(kernel[address])
            for address in wanted.keys() - kernel.keys():
                self._tell_guard(wanted[address])
        return True

    def _read(self) -> None:
        self._known = {ban.address: ban for ban in self._stored.active()}
        self._read_at = self._stored.now()

    def _keep(self, ban: Ban) -> None:
        self._stored.put(ban)
        self._known[ban.address] = ban

    def _next(self, address: str, seconds: int, reason: str, made_by: str) -> Ban:
        now, count = self._stored.now(), self._stored.count(address) + 1
        return Ban(address, reason, made_by, now, now + timedelta(seconds=seconds), count)

    def _lift(self, address: str) -> bool:
        """Forget a ban, and what led to it; return whether it was known."""
        self._guard.unban(address)
        for table in _TABLES:
            self._forget(table, address)
        self._known.pop(address, None)
        return self._stored.remove(address)

    def _take_in(self, found: KernelBan) -> None:
        """Write down what fail2ban has made; anything else in the kernel has been lifted."""
        is_exempt = self._is_registered(found.address) or self._allows(found.address)
        if found.made_by != FAIL2BAN or is_exempt:
            self._guard.unban(found.address)
            return
        ban = self._next(found.address, found.seconds, "failures", FAIL2BAN)
        self._keep(ban)
        self._tell_kamailio(ban)
        _log.info("fail2ban banned %s for %d s", found.address, found.seconds)

    def _tell_guard(self, ban: Ban) -> bool:
        if not ban.in_kernel:
            return False
        try:
            self._guard.ban(ban.address, ban.left(self._stored.now()), ban.made_by)
        except GuardAway as error:
            _log.warning("%s", error)
            return False
        return True

    def _tell_kamailio(self, ban: Ban) -> None:
        """Kamailio reads the database at its start: whoever is away now has it then."""
        try:
            left = ban.left(self._stored.now())
            self._kamailio.call("htable.setxi", "bans", ban.address, 1, left)
        except RingwallError as error:
            _log.warning("%s", error)

    def _forget(self, table: str, address: str) -> None:
        with suppress(RpcRefused):  # it has nothing
            self._kamailio.call("htable.delete", table, address)

    def _is_registered(self, address: str) -> bool:
        """Whether a phone is registered from there; who cannot be asked has none."""
        try:
            self._kamailio.call("htable.get", "registered_from", address)
        except RingwallError:
            return False
        return True

    def _refuse_exempt(self, address: str) -> None:
        if any(ip_address(address) in network for network in self._never):
            raise BadInput(
                f"{address} is never banned: a PBX, one of our own, or in security.flood.never_ban",
                "change security.flood.never_ban",
            )
        if self._allows(address):
            raise BadInput(
                f"{address} is never banned: it is on the allowlist",
                f"`ringwall block list {address}` shows the entry; remove it first",
            )


def written(text: str) -> str:
    """Return the address as everyone writes it; raise ``BadInput``."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise BadInput(f"{text!r} is no address", "write one, as 198.51.100.7") from None


def _row(ban: Ban, kernel: dict[str, KernelBan] | None) -> BanRow:
    found = (kernel or {}).get(ban.address)
    return BanRow(
        address=ban.address,
        reason=ban.reason,
        by=ban.made_by,
        since=ban.since,
        until=ban.until,
        count=ban.count,
        kernel=found is not None,
        dropped=found.packets if found else None,
    )
