"""Subscribers: Kamailio's table, with SHA-256 digests and mailboxes beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.exc import IntegrityError

from ringwall.errors import BadInput
from ringwall.store.database import Database
from ringwall.store.tables import (
    location,
    mailboxes,
    subscriber,
    subscriber_digests,
    subscriber_groups,
)

_CHUNK = 1000
_OF_A_SUBSCRIBER = (subscriber, subscriber_digests, subscriber_groups, mailboxes, location)
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Account:
    """What is stored of a new subscriber: H(A1) in hex, the PIN of the mailbox, the group."""

    username: str
    md5: str
    sha256: str
    pin: str | None
    group: str | None = None


class NoSuchSubscriber(BadInput):
    """There is no subscriber of this name."""


class SubscriberExists(BadInput):
    """There is a subscriber of this name already."""


class Subscribers:
    """The subscribers of one domain, which is their digest realm.

    Names differ by more than capitals, as the database and Kamailio's registrar see it; but
    a name is used as it is stored, because the digest is made with it. Every method is one
    transaction and raises ``DatabaseAway`` when the database is.
    """

    def __init__(self, database: Database, domain: str) -> None:
        self._database = database
        self.domain = domain

    def names(self) -> list[str]:
        """Return the names of all subscribers, sorted."""
        query = select(subscriber.c.username).where(subscriber.c.domain == self.domain)
        with self._database.begin() as connection:
            return sorted(connection.execute(query).scalars())

    def groups(self) -> dict[str, str]:
        """Return the group of each name that is of one."""
        table = subscriber_groups
        query = select(table.c.username, table.c.name).where(table.c.domain == self.domain)
        with self._database.begin() as connection:
            return {str(username): str(name) for username, name in connection.execute(query)}

    def elsewhere(self) -> dict[str, int]:
        """Return how many subscribers belong to other domains: their passwords fit no more."""
        query = select(subscriber.c.domain, func.count()).where(subscriber.c.domain != self.domain)
        with self._database.begin() as connection:
            rows = connection.execute(query.group_by(subscriber.c.domain))
            return {str(domain): int(number) for domain, number in rows}

    def taken(self, usernames: Sequence[str]) -> frozenset[str]:
        """Return which names exist, in lower case."""
        found: set[str] = set()
        with self._database.begin() as connection:
            for part in _parts(usernames):
                query = select(subscriber.c.username).where(
                    subscriber.c.domain == self.domain, subscriber.c.username.in_(part)
                )
                found.update(name.lower() for name in connection.execute(query).scalars())
        return frozenset(found)

    def add(self, accounts: Sequence[Account]) -> None:
        """Add all of them or none; raise ``SubscriberExists``."""
        try:
            with self._database.begin() as connection:
                for part in _parts(accounts):
                    self._insert(connection, part)
        except IntegrityError as error:
            raise SubscriberExists(
                f"a subscriber {accounts[0].username} exists"
                if len(accounts) == 1
                else "a subscriber of one of these names exists",
                "`ringwall subscribers list` shows them",
            ) from error

    def change(self, username: str, md5: str, sha256: str) -> None:
        """Give a subscriber other digests; raise ``NoSuchSubscriber``."""
        with self._database.begin() as connection:
            self._require(connection, username)
            connection.execute(
                update(subscriber)
                .where(self._is(subscriber, username))
                .values(ha1=md5, password="")
            )
            _upsert(connection, subscriber_digests, [self._digests(username, md5, sha256)])

    def put_into(self, username: str, group: str | None) -> None:
        """Make a subscriber one of this group, or of none; raise ``NoSuchSubscriber``."""
        with self._database.begin() as connection:
            self._require(connection, username)
            self._leave_groups(connection, [username])
            if group is not None:
                _upsert(connection, subscriber_groups, [self._group(username, group)])

    def remove(self, username: str) -> None:
        """Remove a subscriber and all rows that belong to it; raise ``NoSuchSubscriber``."""
        with self._database.begin() as connection:
            self._require(connection, username)
            for table in _OF_A_SUBSCRIBER:
                connection.execute(delete(table).where(self._is(table, username)))

    def mailboxes(
        self, eligible: Callable[[str], bool], make_pin: Callable[[], str]
    ) -> dict[str, str]:
        """Return the PIN of every ``eligible`` name's mailbox; those that lack get one.

        (They lack where ``kamctl`` made the subscriber.)
        """
        of_domain = select(subscriber.c.username).where(subscriber.c.domain == self.domain)
        known = select(mailboxes.c.username, mailboxes.c.pin).where(
            mailboxes.c.domain == self.domain
        )
        with self._database.begin() as connection:
            names = [name for name in connection.execute(of_domain).scalars() if eligible(name)]
            pins = {str(name): str(pin) for name, pin in connection.execute(known)}
            fresh = {name: make_pin() for name in names if name not in pins}
            for part in _parts([self._mailbox(name, pin) for name, pin in fresh.items()]):
                _upsert(connection, mailboxes, part)
        pins |= fresh
        return {name: pins[name] for name in sorted(names)}

    def registered(self) -> frozenset[str]:
        """Return the registered names in lower case, as Kamailio last wrote them back (10 s)."""
        query = select(location.c.username).where(
            location.c.domain == self.domain, location.c.expires > func.utc_timestamp()
        )
        with self._database.begin() as connection:
            return frozenset(name.lower() for name in connection.execute(query).scalars())

    def _insert(self, connection: Connection, accounts: Sequence[Account]) -> None:
        rows = [self._row(account) for account in accounts]
        connection.execute(insert(subscriber), rows)
        digests = [self._digests(each.username, each.md5, each.sha256) for each in accounts]
        _upsert(connection, subscriber_digests, digests)
        boxes = [self._mailbox(each.username, each.pin) for each in accounts if each.pin]
        if boxes:
            _upsert(connection, mailboxes, boxes)
        self._leave_groups(connection, [each.username for each in accounts])
        grouped = [self._group(each.username, each.group) for each in accounts if each.group]
        if grouped:
            _upsert(connection, subscriber_groups, grouped)

    def _leave_groups(self, connection: Connection, usernames: Sequence[str]) -> None:
        table = subscriber_groups
        connection.execute(
            delete(table).where(table.c.domain == self.domain, table.c.username.in_(usernames))
        )

    def _require(self, connection: Connection, username: str) -> None:
        """Lock the subscriber's row."""
        query = select(subscriber.c.username).where(self._is(subscriber, username))
        stored = connection.execute(query.with_for_update()).scalar()
        if stored is None:
            raise NoSuchSubscriber(
                f"there is no subscriber {username}", "`ringwall subscribers list` shows them"
            )
        if stored != username:
            raise NoSuchSubscriber(f"there is no subscriber {username}", f"do you mean {stored}?")

    def _is(self, table: Table, username: str) -> ColumnElement[bool]:
        return and_(table.c.username == username, table.c.domain == self.domain)

    def _row(self, account: Account) -> dict[str, str]:
        return {
            "username": account.username,
            "domain": self.domain,
            "password": "",
            "ha1": account.md5,
        }

    def _digests(self, username: str, md5: str, sha256: str) -> dict[str, str]:
        return {"username": username, "domain": self.domain, "ha1": md5, "ha1_sha256": sha256}

    def _group(self, username: str, name: str) -> dict[str, str]:
        return {"username": username, "domain": self.domain, "name": name}

    def _mailbox(self, username: str, pin: str) -> dict[str, str]:
        return {"username": username, "domain": self.domain, "pin": pin}


def _upsert(connection: Connection, table: Table, rows: Sequence[dict[str, str]]) -> None:
    """Insert; a row that was left behind is replaced (``kamctl rm`` knows nothing of it)."""
    statement = insert(table)
    columns = {column.name: statement.inserted[column.name] for column in table.columns}
    connection.execute(statement.on_duplicate_key_update(columns), rows)


def _parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
