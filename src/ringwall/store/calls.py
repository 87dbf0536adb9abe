"""From legs to calls: what the legs of a call make of its one row, in whatever order they come.

Nothing here remembers anything: the same set of legs makes the same call, always.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

_MILLISECOND = timedelta(milliseconds=1)
_LONG_AGO = datetime(1970, 1, 1)  # noqa: DTZ001 - as the tables have it: UTC, without a zone
_BUSY, _CANCELLED = frozenset({486, 600}), 487
_FROM_USER, _TO_USER = "from-user", "to-user"

Key: TypeAlias = tuple[str, str, str]
Value: TypeAlias = str | int | float | bool | datetime | None


@dataclass(frozen=True, slots=True)
class LegRow:
    """A row of ``cdr_legs``; times are UTC, None is "never" or "not known"."""

    correlation_id: str
    call_id: str
    from_tag: str
    to_tag: str
    sbc_node: str
    direction: str
    caller: str
    callee: str
    dialled: str
    source_address: str
    source_port: int
    transport: str
    target: str
    pbx_node: str
    invited_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime
    sip_code: int
    reason: str
    hangup_by: str
    profile: str
    codec: str
    srtp: bool
    mos_average: float | None
    mos_min: float | None
    loss: float | None
    jitter: float | None
    loss_caller: float | None
    loss_callee: float | None
    jitter_caller: float | None
    jitter_callee: float | None
    round_trip: float | None

    @property
    def key(self) -> Key:
        """What makes it a leg of its own: the dialog (RFC 3261, 12), or the attempts at one.

        Its To tag counts only where somebody answered: a phone that is refused may try again
        with the same Call-ID and From tag (RFC 3261, 8.1.3.5).
        """
        return self.call_id, self.from_tag, self.to_tag


def preferred(one: LegRow, other: LegRow) -> LegRow:
    """Return which of two tellings of the same leg counts.

    Of a dialog that ended twice, the first end; of attempts that failed, the last.
    """
    return min(one, other, key=_preference)


def call(legs: Iterable[LegRow]) -> dict[str, Value]:
    """Make the row of ``cdrs`` from all known legs of one correlation id, at least one."""
    ordered = sorted(legs, key=_rank)
    beyond = _beyond(ordered[0], ordered)
    first = ordered[0] = _ended_with(ordered[0], beyond)
    own = [leg for leg in ordered if _same_side(leg, first)] if first.answered_at else [first]
    return {
        "correlation_id": first.correlation_id,
        "sbc_node": first.sbc_node,
        "caller": first.caller,
        "dialled": first.dialled,
        "number": first.dialled,
        "source_address": first.source_address,
        "source_port": first.source_port,
        "transport": first.transport,
        "pbx_node": first.pbx_node,
        "trunk": None,
        "invited_at": first.invited_at,
        "ringing_at": first.ringing_at,
        "answered_at": first.answered_at,
        "ended_at": max(leg.ended_at for leg in own),
        "ring_ms": _between(first.ringing_at, first.answered_at or first.ended_at),
        "duration_ms": sum(_between(leg.answered_at, leg.ended_at) for leg in own),
        "result": result(first),
        "sip_code": first.sip_code,
        "reason": first.reason,
        "hangup_by": first.hangup_by,
        **_media(first, beyond),
    }


def reuses(legs: Iterable[LegRow]) -> bool:
    """Whether two calls went by the same Call-ID: the durations of both are in one row."""
    first, *others = sorted(legs, key=_rank)
    return any(_same_side(leg, first) for leg in others)


def result(leg: LegRow) -> str:
    """Return how it went: answered, refused (by the SBC), busy, cancelled or failed."""
    if leg.answered_at:
        return "answered"
    if leg.reason:
        return "refused"
    if leg.sip_code in _BUSY:
        return "busy"
    return "cancelled" if leg.sip_code == _CANCELLED else "failed"


def _preference(leg: LegRow) -> tuple[timedelta, tuple[str, ...]]:
    end = leg.ended_at - _LONG_AGO
    return (end if leg.answered_at else -end), tuple(map(str, astuple(leg)))


def _rank(leg: LegRow) -> tuple[bool, bool, bool, timedelta, Key]:
    """Order the legs of a call: its own first, and of several of those the one that counts.

    That is the first that was answered, or else the last attempt.
    """
    answered = leg.answered_at
    age = answered - _LONG_AGO if answered else _LONG_AGO - leg.ended_at
    another = leg.call_id != leg.correlation_id
    return another, leg.direction != _FROM_USER, answered is None, age, leg.key


def _same_side(leg: LegRow, first: LegRow) -> bool:
    return (
        leg.answered_at is not None
        and first.answered_at is not None
        and (leg.call_id, leg.direction) == (first.call_id, first.direction)
    )


def _beyond(first: LegRow, ordered: Sequence[LegRow]) -> LegRow | None:
    """Return the leg on the far side of the PBX that answered."""
    if first.direction == _TO_USER:
        return None
    return next((leg for leg in ordered if leg.direction == _TO_USER and leg.answered_at), None)


def _ended_with(first: LegRow, beyond: LegRow | None) -> LegRow:
    """Return the first leg with the end that the far one gave it.

    The PBX passes it on as an ordinary BYE, and where a phone vanished only long after.
    """
    if not beyond or first.hangup_by != "callee" or beyond.hangup_by not in {"vanished", "sbc"}:
        return first
    ended_at = min(first.ended_at, beyond.ended_at)
    return replace(first, hangup_by=beyond.hangup_by, ended_at=ended_at)


def _media(first: LegRow, beyond: LegRow | None) -> dict[str, Value]:
    """Join the quality of both legs: a call is as good as its worse leg."""
    legs = [first, beyond] if beyond else [first]
    far = beyond or first
    return {
        "codec": first.codec,
        "srtp": all(leg.srtp for leg in legs),
        "mos_average": _joined(min, [leg.mos_average for leg in legs]),
        "mos_min": _joined(min, [leg.mos_min for leg in legs]),
        "loss": _joined(max, [leg.loss for leg in legs]),
        "jitter": _joined(max, [leg.jitter for leg in legs]),
        "loss_caller": first.loss_caller,
        "loss_callee": far.loss_callee,
        "jitter_caller": first.jitter_caller,
        "jitter_callee": far.jitter_callee,
        "round_trip": _joined(math.fsum, [leg.round_trip for leg in legs]),
    }


def _joined(join: Callable[[list[float]], float], figures: list[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return round(join(known), 2) if known else None


def _between(start: datetime | None, end: datetime) -> int:
    """Milliseconds; a clock that was set back makes no negative time."""
    return max(0, (end - start) // _MILLISECOND) if start else 0
