"""What Kamailio knows now: PBX nodes, registrations, dialogs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ringwall.telemetry.kamailio_rpc import Json, KamailioRpc

NodeState = Literal["up", "down", "unknown"]

# Kamailio cuts long answers off: 10,000 names were lost after 130 kB, 2,000 arrived.
DUMP_LIMIT = 2000
_REGISTERED = "usrloc.registered_users"
_DIALOGS = "dialog.active_dialogs"


@dataclass(frozen=True, slots=True)
class Target:
    """A destination of the dispatcher's sets."""

    node: str | None
    uri: str
    state: NodeState


def targets(rpc: KamailioRpc) -> list[Target]:
    """Return all destinations; ``node`` is the attribute ``node=NAME``."""
    answer = rpc.call("dispatcher.list")
    return [
        _target(_inside(entry, "DEST"))
        for record in _each(answer, "RECORDS")
        for entry in _each(_inside(record, "SET"), "TARGETS")
    ]


def node_state(flags: str) -> NodeState:
    """Read dispatcher flags: A active, T trying (still used), I inactive, D disabled.

    The second letter is P where the destination is probed; AX has not been probed yet.
    """
    if flags.startswith(("I", "D")):
        return "down"
    return "up" if flags in {"AP", "TP", "TX"} else "unknown"


@dataclass(frozen=True, slots=True)
class Counts:
    """Registered users, and dialogs (a call between two users is two: one a leg)."""

    registrations: int
    dialogs: int


def counts(rpc: KamailioRpc) -> Counts:
    """Return Kamailio's own counters."""
    answer = rpc.call("stats.fetchn", "usrloc:registered_users", "dialog:active_dialogs")
    return Counts(_number(answer, _REGISTERED), _number(answer, _DIALOGS))


def registered(rpc: KamailioRpc) -> frozenset[str] | None:
    """Return the addresses of record (``user@realm``, lower case) that are registered.

    None when there are more than ``DUMP_LIMIT``: Kamailio cannot list so many.
    """
    if counts(rpc).registrations > DUMP_LIMIT:
        return None
    answer = rpc.call("ul.dump", "brief")
    return frozenset(
        _text(entry, "AoR").lower()
        for domain in _each(answer, "Domains")
        for entry in _each(_inside(domain, "Domain"), "AoRs")
    )


def locked_out(rpc: KamailioRpc) -> frozenset[str]:
    """Return the users (``user@realm``) whose password somebody guesses (routes/lockout.cfg)."""
    answer = rpc.call("htable.dump", "lockouts")
    buckets = answer if isinstance(answer, list) else []
    return frozenset(_text(entry, "name") for bucket in buckets for entry in _each(bucket, "slot"))


def _target(destination: Json) -> Target:
    body = _text(_inside(destination, "ATTRS"), "BODY")
    attributes = dict(part.partition("=")[::2] for part in body.split(";"))
    state = node_state(_text(destination, "FLAGS"))
    return Target(attributes.get("node"), _text(destination, "URI"), state)


def _inside(holder: Json, key: str) -> Json:
    return holder.get(key) if isinstance(holder, dict) else None


def _each(holder: Json, key: str) -> list[Json]:
    items = _inside(holder, key)
    return items if isinstance(items, list) else []


def _text(holder: Json, key: str) -> str:
    value = _inside(holder, key)
    return value if isinstance(value, str) else ""


def _number(holder: Json, key: str) -> int:
    value = _inside(holder, key)
    return int(value) if isinstance(value, int | float) else 0
