"""Changing subscribers: the database first, then everyone who works with a copy of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock

from ringwall.api.errors import BadRows, Busy
from ringwall.api.mailboxes import Mailboxes
from ringwall.api.models import Added, NewSubscriber, RowError
from ringwall.errors import BadInput, RingwallError
from ringwall.security import accounts
from ringwall.store.database import DatabaseAway
from ringwall.store.subscribers import Account, NoSuchSubscriber, Subscribers
from ringwall.telemetry import contacts, kamailio_state
from ringwall.telemetry.kamailio_rpc import KamailioRpc, RpcRefused

# An import of 100,000 rows takes about ten seconds.
_PATIENCE_SECONDS = 30.0
_RELOAD_SECONDS = 10.0
# What routes/lockout.cfg remembers of a user.
_OF_GUESSES = ("lockouts", "guesses", "lockout_counts")
_log = logging.getLogger(__name__)


class Desk:
    """Where subscribers are changed: one change at a time.

    A change that is in the database is kept. Who could not be told of it comes back as
    warnings, and is told by ``catch_up``, which somebody has to call now and then.
    """

    def __init__(
        self,
        subscribers: Subscribers,
        kamailio: KamailioRpc,
        mailboxes: Mailboxes,
        rooms: Sequence[str],
    ) -> None:
        self._subscribers, self._kamailio, self._mailboxes = subscribers, kamailio, mailboxes
        self._rooms = frozenset(rooms)
        self._changing = Lock()
        # An earlier run may have ended between a change and its reload.
        self._reload_owed = True

    @property
    def domain(self) -> str:
        """The domain of all subscribers, and their realm."""
        return self._subscribers.domain

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return self._subscribers.names()

    def groups(self) -> dict[str, str]:
        """Return the group of each name that is of one."""
        return self._subscribers.groups()

    def registered(self) -> frozenset[str] | None:
        """Return the registered names in lower case; None when nobody can tell."""
        try:
            addresses = kamailio_state.registered(self._kamailio)
        except RingwallError as error:
            _log.warning("registrations are read from the database: %s", error)
            addresses = None
        if addresses is None:
            try:
                return self._subscribers.registered()
            except DatabaseAway:
                return None
        return frozenset(
            name for name, _, domain in (a.rpartition("@") for a in addresses)
            if domain == self.domain
        )  # fmt: skip

    def locked_out(self) -> frozenset[str] | None:
        """Return who is let in only from where they are known; None when nobody can tell."""
        try:
            addresses = kamailio_state.locked_out(self._kamailio)
        except RingwallError as error:
            _log.warning("who is locked out is not known: %s", error)
            return None
        return frozenset(address.rpartition("@")[0] for address in addresses)

    def unlock(self, username: str) -> None:
        """Let it in from anywhere, and forget the wrong passwords; raise where Kamailio is away."""
        if username not in self._subscribers.names():
            raise NoSuchSubscriber(
                f"there is no subscriber {username}", "`ringwall subscribers list` shows all"
            )
        for table in _OF_GUESSES:
            with suppress(RpcRefused):  # it has nothing
                self._kamailio.call("htable.delete", table, f"{username}@{self.domain}")

    def add(self, wanted: NewSubscriber) -> tuple[Added, list[str]]:
        """Add one subscriber; return it and the warnings."""
        fault = self._fault(wanted)
        if fault:
            raise BadInput(fault)
        with self._alone():
            added, account = self._prepared(wanted)
            self._subscribers.add([account])
            return added, self._spread()

    def add_all(self, rows: Sequence[NewSubscriber]) -> tuple[list[Added], list[str]]:
        """Add all or none; raise ``BadRows`` with every row's fault."""
        with self._alone():
            faults = list(self._row_faults(rows))
            if faults:
                raise BadRows(faults)
            prepared = [self._prepared(row) for row in rows]
            self._subscribers.add([account for _, account in prepared])
            return [added for added, _ in prepared], self._spread()

    def set_password(self, username: str, password: str | None) -> tuple[str | None, list[str]]:
        """Set it, or make one; return the one that was made, and the warnings."""
        fault = password is not None and accounts.password_fault(username, password)
        if fault:
            raise BadInput(fault)
        made = None if password else accounts.generate_password()
        digests = accounts.digests(username, self.domain, password or made or "")
        with self._alone():
            self._subscribers.change(username, digests.md5, digests.sha256)
            return made, self._reload_credentials()

    def put_into(self, username: str, group: str | None) -> list[str]:
        """Make it one of a group, or of none; return the warnings."""
        with self._alone():
            self._subscribers.put_into(username, group)
            return self._reload_credentials()

    def remove(self, username: str) -> list[str]:
        """Remove it with its registrations; return the warnings."""
        with self._alone():
            self._subscribers.remove(username)
            return self._spread() + self._unregister(username)

    def refresh(self) -> list[str]:
        """Write the mailboxes, as after a start; return what went wrong.

        Kamailio is not asked: it starts after control, and ``catch_up`` will do.
        """
        with self._alone():
            return self._write_mailboxes()

    def catch_up(self) -> bool:
        """Tell those who have not heard of the last change; return whether all have now."""
        if not (self._reload_owed or self._mailboxes.owed):
            return True
        with self._alone():
            warnings = self._reload_credentials() if self._reload_owed else []
            warnings += self._mailboxes.tell()
        for warning in warnings:
            _log.warning("%s", warning)
        return not warnings

    def _fault(self, row: NewSubscriber) -> str | None:
        fault = accounts.username_fault(row.username, self._rooms)
        if fault is None and row.password is not None:
            fault = accounts.password_fault(row.username, row.password)
        return fault

    def _row_faults(self, rows: Sequence[NewSubscriber]) -> Iterator[RowError]:
        # Only names that can be right are looked up.
        faults = [self._fault(row) for row in rows]
        good = [row.username for row, fault in zip(rows, faults, strict=True) if fault is None]
        taken = self._subscribers.taken(good)
        seen: dict[str, int] = {}
        for number, (row, fault) in enumerate(zip(rows, faults, strict=True), 1):
            first = seen.setdefault(row.username.lower(), number)
            if fault:
                yield RowError(row=number, error=fault)
            elif first != number:
                yield RowError(row=number, error=f"{row.username} is in row {first} too")
            elif row.username.lower() in taken:
                yield RowError(row=number, error=f"a subscriber {row.username} exists")

    def _prepared(self, wanted: NewSubscriber) -> tuple[Added, Account]:
        made = None if wanted.password else accounts.generate_password()
        pin = accounts.generate_pin() if accounts.has_mailbox(wanted.username) else None
        name = wanted.username
        digests = accounts.digests(name, self.domain, wanted.password or made or "")
        added = Added(username=name, domain=self.domain, password=made, pin=pin)
        return added, Account(name, digests.md5, digests.sha256, pin, wanted.group)

    def _spread(self) -> list[str]:
        return self._reload_credentials() + self._write_mailboxes()

    def _reload_credentials(self) -> list[str]:
        # Owed until it is done: Kamailio may have read the table just before the change, and
        # take requests just after this.
        self._reload_owed = True
        try:
            self._kamailio.call("htable.reload", "credentials", timeout=_RELOAD_SECONDS)
        except RingwallError as error:
            return [f"Kamailio has not reloaded the credentials: {error}; it will be asked again"]
        self._reload_owed = False
        return []

    def _write_mailboxes(self) -> list[str]:
        try:
            pins = self._subscribers.mailboxes(accounts.has_mailbox, accounts.generate_pin)
        except DatabaseAway as error:
            return [f"the mailboxes were not written: {error}"]
        return self._mailboxes.write(pins)

    def _unregister(self, username: str) -> list[str]:
        try:
            for found in contacts.of_user(self._kamailio, username, self.domain):
                contacts.remove(self._kamailio, username, self.domain, found.contact)
        except RingwallError as error:
            return [f"{error}; registrations of {username} stay until they expire"]
        return []

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._changing.acquire(timeout=_PATIENCE_SECONDS):
            raise Busy("another change is still running", "try again in a minute")
        try:
            yield
        finally:
            self._changing.release()
