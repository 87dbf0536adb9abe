"""Where phones are registered, as Kamailio has it in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ringwall.telemetry.kamailio_rpc import Json, KamailioRpc, RpcRefused

LIVE_LIMIT = 100
"""Kamailio's answers are cut off somewhere above 100 kB, and a contact takes 1 kB."""
_TABLE = "location"
_CONTACTS = "usrloc.location_contacts"
_UNSET = "[not set]"


@dataclass(frozen=True, slots=True)
class Contact:
    """One registration; ``expires`` is in seconds from now."""

    user: str
    domain: str
    contact: str
    received: str | None
    expires: int
    user_agent: str
    call_id: str
    cseq: int
    socket: str | None


def everyone(rpc: KamailioRpc) -> list[Contact] | None:
    """Return all contacts; None when there are more than ``LIVE_LIMIT``."""
    counts = rpc.call("stats.fetchn", "usrloc:location_contacts")
    number = counts.get(_CONTACTS) if isinstance(counts, dict) else None
    if not isinstance(number, int) or number > LIVE_LIMIT:
        return None
    answer = rpc.call("ul.dump")
    return [
        contact
        for domain in _each(answer, "Domains")
        for entry in _each(_inside(domain, "Domain"), "AoRs")
        for contact in _contacts(_inside(entry, "Info"))
    ]


def of_user(rpc: KamailioRpc, user: str, domain: str) -> list[Contact]:
    """Return a user's contacts."""
    try:
        return list(_contacts(rpc.call("ul.lookup", _TABLE, f"{user}@{domain}")))
    except RpcRefused as error:
        if "not found" in str(error):  # with 404 or 500, as it pleases
            return []
        raise


def remove(rpc: KamailioRpc, user: str, domain: str, contact: str) -> bool:
    """Remove a contact; return whether there was one.

    Kamailio tells of it as of one that expired. (Of ``ul.rm``, for all at once, it does not.)
    """
    try:
        rpc.call("ul.rm_contact", _TABLE, f"{user}@{domain}", contact)
    except RpcRefused as error:
        if "not found" in str(error):
            return False
        raise
    return True


def _contacts(record: Json) -> Iterable[Contact]:
    user, _, domain = _text(record, "AoR").rpartition("@")
    for entry in _each(record, "Contacts"):
        found = _inside(entry, "Contact")
        yield Contact(
            user=user,
            domain=domain,
            contact=_text(found, "Address"),
            received=_set(found, "Received"),
            expires=_number(found, "Expires"),
            user_agent=_text(found, "User-Agent"),
            call_id=_text(found, "Call-ID"),
            cseq=_number(found, "CSeq"),
            socket=_set(found, "Socket"),
        )


def _inside(holder: Json, key: str) -> Json:
    return holder.get(key) if isinstance(holder, dict) else None


def _each(holder: Json, key: str) -> list[Json]:
    items = _inside(holder, key)
    return items if isinstance(items, list) else []


def _text(holder: Json, key: str) -> str:
    value = _inside(holder, key)
    return value if isinstance(value, str) else ""


def _set(holder: Json, key: str) -> str | None:
    text = _text(holder, key)
    return None if text in {"", _UNSET} else text


def _number(holder: Json, key: str) -> int:
    """Return a number; 0 for words, as `expired` or `deleted` in the place of a time."""
    value = _inside(holder, key)
    return int(value) if isinstance(value, int | float) else 0
