"""Who is registered, who was, and removing a registration."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import UTC, datetime

from ringwall.api.push_models import History, PastEvent, Registered, Registration, Removed
from ringwall.errors import BadInput, RingwallError
from ringwall.store.registrations import Filter, StoredRegistrations
from ringwall.telemetry import contacts
from ringwall.telemetry.kamailio_rpc import KamailioRpc

_log = logging.getLogger(__name__)


class NoSuchRegistration(BadInput):
    """The user has no such contact."""


class RegistrationDesk:
    """Registrations of one domain, which all users belong to."""

    def __init__(self, kamailio: KamailioRpc, stored: StoredRegistrations, domain: str) -> None:
        self._kamailio, self._stored, self._domain = kamailio, stored, domain

    def now(self, user: str | None, most: int) -> Registered:
        """Return who is registered: from Kamailio; when it is away or has many, as stored."""
        live = self._live(user)
        if live is not None:
            found = [Registration(**asdict(each)) for each in live[:most]]
            return Registered(registrations=found, live=True)
        rows = self._stored.contacts(user, most)
        return Registered(registrations=[Registration(**row) for row in rows], live=False)

    def history(self, wanted: Filter, most: int) -> History:
        """Return events, the newest first."""
        rows = self._stored.history(wanted, most)
        events = [PastEvent(**row) for row in rows]
        last = events[-1] if len(events) == most else None
        return History(events=events, next=f"{last.at}.{last.number}" if last else None)

    def remove(self, user: str, contact: str | None) -> Removed:
        """Remove one contact or all of a user; raise ``NoSuchRegistration``."""
        found = [each.contact for each in contacts.of_user(self._kamailio, user, self._domain)]
        chosen = [each for each in found if contact in {None, each}]
        gone = [each for each in chosen if self._removed(user, each)]
        if not gone:
            what = f"{user} is not registered" if contact is None else f"{user} has no {contact}"
            raise NoSuchRegistration(what, f"`ringwall registrations list {user}` shows them")
        return Removed(user=user, contacts=gone)

    def _removed(self, user: str, contact: str) -> bool:
        return contacts.remove(self._kamailio, user, self._domain, contact)

    def _live(self, user: str | None) -> list[contacts.Contact] | None:
        try:
            if user is None:
                return contacts.everyone(self._kamailio)
            return contacts.of_user(self._kamailio, user, self._domain)
        except RingwallError as error:
            _log.warning("registrations are read from the database: %s", error)
            return None


def cursor(text: str | None) -> tuple[datetime, int] | None:
    """Read what ``History.next`` wrote; raise ``BadInput``."""
    if text is None:
        return None
    at, _, number = text.rpartition(".")
    try:
        moment = datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return moment, int(number)
    except ValueError:
        raise BadInput(f"before: {text!r} is no page", "give what `next` was") from None
