"""The calls that go on: their legs found, joined, and ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ringwall.api.call_models import ActiveCall, ActiveCalls, ActiveLeg, HungUp
from ringwall.errors import BadInput, RingwallError
from ringwall.store.database import DatabaseAway
from ringwall.store.dialogs import StoredDialog, StoredDialogs
from ringwall.telemetry import dialogs
from ringwall.telemetry.dialogs import Dialog
from ringwall.telemetry.kamailio_rpc import KamailioAway, KamailioRpc, RpcRefused

# By then `control` has surely written a dialog, unless MariaDB is away.
_WRITTEN_AFTER_SECONDS = 15
# The PBX ends the second leg within milliseconds. A leg whose phone does not answer BYE goes
# when Kamailio gives up sending it (5 s).
_GRACE_SECONDS, _PATIENCE_SECONDS, _LOOK_SECONDS = 1.5, 6.0, 0.2
_log = logging.getLogger(__name__)


class CallIsOver(BadInput):
    """There is no such call, or no more."""


class Calls:
    """The calls that go on, as Kamailio has them."""

    def __init__(
        self,
        kamailio: KamailioRpc,
        stored: StoredDialogs,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._kamailio, self._stored, self._sleep = kamailio, stored, sleep

    def all(self) -> ActiveCalls:
        """Return all; raise ``KamailioAway``, and ``DatabaseAway`` where there are many."""
        found = self._live()
        calls = _joined(self._many() if found is None else found)
        return ActiveCalls(calls=calls, live=found is not None)

    def one(self, call_id: str) -> ActiveCall:
        """Return a call by its correlation id or a leg's Call-ID; raise ``CallIsOver``."""
        legs = self._legs(call_id)
        if not legs:
            raise _over(call_id)
        return _joined(legs)[0]

    def hang_up(self, call_id: str) -> HungUp:
        """End a call; raise ``CallIsOver`` when there is none."""
        legs = self._legs(call_id)
        if not legs:
            raise _over(call_id)
        correlation = legs[0].correlation
        # The PBX ends the second leg when the first ends: so each side gets one BYE.
        first = [leg for leg in legs if leg.call_id == correlation] or legs
        self._end(first)
        left = self._wait(legs, _GRACE_SECONDS)
        if left:
            # Others, and what was answered while it was to be cancelled.
            done = {(leg.place, leg.is_answered) for leg in first}
            self._end([leg for leg in left if (leg.place, leg.is_answered) not in done])
            left = self._wait(left, _PATIENCE_SECONDS)
        return HungUp(id=correlation, legs=len(legs), left=len(left))

    def _end(self, legs: Sequence[Dialog]) -> None:
        for leg in legs:
            dialogs.end(self._kamailio, leg)

    def _wait(self, legs: Sequence[Dialog], seconds: float) -> list[Dialog]:
        """Return the legs that are left in the end, as they are then."""
        places, left = {leg.place for leg in legs}, list(legs)
        for _ in range(round(seconds / _LOOK_SECONDS)):
            call_ids = {leg.call_id for leg in left}
            now = [leg for each in call_ids for leg in dialogs.of_call_id(self._kamailio, each)]
            left = [leg for leg in now if leg.place in places]
            if not left:
                break
            self._sleep(_LOOK_SECONDS)
        return left

    def _live(self) -> list[Dialog] | None:
        """Return all dialogs from memory; None when they do not fit into an answer."""
        if dialogs.count(self._kamailio) > dialogs.PAGE:
            return None
        try:
            return dialogs.listed(self._kamailio)
        except (KamailioAway, RpcRefused) as error:
            # It has just answered: long URIs can make a few dialogs too many.
            _log.warning("the calls are read from the database: %s", error)
            return None

    def _many(self) -> list[Dialog]:
        """Return all dialogs: those of the database, and the newest from memory."""
        found = {leg.place: leg for leg in map(_from_store, self._stored.all())}
        since = int(time.time()) - _WRITTEN_AFTER_SECONDS
        try:
            newest = dialogs.answered_after(self._kamailio, since)
            newest += dialogs.ringing(self._kamailio)
        except RingwallError as error:
            _log.warning("the newest calls are not known: %s", error)
            newest = []
        return list((found | {leg.place: leg for leg in newest}).values())

    def _legs(self, call_id: str) -> list[Dialog]:
        """Return the legs of the call that has this correlation id or Call-ID."""
        live = self._live()
        if live is None:
            return self._legs_among_many(call_id)
        correlations = {leg.correlation for leg in live if leg.call_id == call_id} | {call_id}
        return [leg for leg in live if leg.correlation in correlations]

    def _legs_among_many(self, call_id: str) -> list[Dialog]:
        """Return what memory has by Call-ID, and what the database has by correlation.

        (A second leg that the database does not know goes when the first is ended.)
        """
        named = dialogs.of_call_id(self._kamailio, call_id)
        correlation = named[0].correlation if named else call_id
        call_ids = {call_id, correlation}
        try:
            call_ids |= {leg.call_id for leg in self._stored.of_call(correlation)}
        except DatabaseAway as error:
            _log.warning("further legs of the call are not known: %s", error)
        return [leg for each in call_ids for leg in dialogs.of_call_id(self._kamailio, each)]


def _over(call_id: str) -> CallIsOver:
    return CallIsOver(
        f"no call {call_id} goes on",
        "`ringwall calls list` shows those that do, `ringwall cdrs show` those that have ended",
    )


def _joined(legs: Sequence[Dialog]) -> list[ActiveCall]:
    """Return the calls of these legs, newest first."""
    calls: dict[str, list[Dialog]] = {}
    for leg in legs:
        calls.setdefault(leg.correlation, []).append(leg)
    found = [_call(correlation, each) for correlation, each in calls.items()]
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda call: (call.since or never, call.id), reverse=True)


def _call(correlation: str, legs: Sequence[Dialog]) -> ActiveCall:
    in_order = sorted(legs, key=lambda leg: (leg.call_id != correlation, leg.invited, leg.call_id))
    told = [_leg(leg) for leg in in_order]
    of_first = told[0].model_dump(exclude={"call_id", "from_tag", "direction"})
    return ActiveCall(id=correlation, legs=told, **of_first)


def _leg(leg: Dialog) -> ActiveLeg:
    variables = leg.variables
    return ActiveLeg(
        call_id=leg.call_id,
        from_tag=leg.from_tag,
        direction=variables.get("direction", ""),
        state="answered" if leg.is_answered else "ringing",
        caller=variables.get("caller", ""),
        dialled=variables.get("dialled", ""),
        node=variables.get("node", ""),
        source=variables.get("source", ""),
        transport=variables.get("transport", ""),
        since=_moment(variables.get("invited"), leg.invited or leg.answered),
        answered_at=_moment(variables.get("answered"), leg.answered),
    )


def _moment(milliseconds: str | None, seconds: int) -> datetime | None:
    """Return the time, the more exact one where it is known; None: it has not come yet."""
    try:
        if milliseconds:
            return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _from_store(leg: StoredDialog) -> Dialog:
    return Dialog(
        leg.entry, leg.number, leg.call_id, leg.from_tag, leg.state,
        answered=leg.answered, variables=leg.variables,
    )  # fmt: skip
