"""A call of a phone, while it lives and after."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from ringwall.checks.baresip import Control, Event

_STATUS = re.compile(r"^(\d{3})\b")


class CallFailed(RingwallError):
    """A call did not do what was expected; ``status`` is the SIP status that ended it, if any."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Call:
    """One call at one phone, known by its Call-ID."""

    control: Control
    id: str
    begun: float
    """Monotonic seconds."""

    def wait_ringing(self, timeout: float = 10) -> Event:
        """Wait until the other side rings (180, 183)."""
        return self._wait({"CALL_RINGING", "CALL_PROGRESS"}, timeout, "rang")

    def wait_established(self, timeout: float = 10) -> Event:
        """Wait until the call is answered and acknowledged."""
        return self._wait({"CALL_ESTABLISHED"}, timeout, "was answered")

    def wait_closed(self, timeout: float = 10) -> int | None:
        """Wait for the end; return the SIP status that ended a call that was never answered."""
        event = self._wait({"CALL_CLOSED"}, timeout, "ended")
        return _status(event.text)

    @property
    def closed(self) -> bool:
        """Whether the call has ended."""
        return any(e.call == self.id and e.kind == "CALL_CLOSED" for e in self.control.events)

    def accept(self) -> None:
        """Answer."""
        self._do("accept")

    def hangup(self) -> None:
        """End it: BYE, CANCEL or 486, whichever is right now."""
        self._do("hangup")

    def hold(self) -> None:
        """Put the other side on hold, by re-INVITE, and wait until it agrees."""
        begun = time.monotonic()
        self._do("hold")
        self._wait_renegotiated(begun)

    def resume(self) -> None:
        """Take it back, by re-INVITE, and wait until the other side agrees."""
        begun = time.monotonic()
        with suppress(RingwallError):  # baresip 1.1 says "Invalid argument", and does it
            self._do("resume")
        self._wait_renegotiated(begun)

    def transfer(self, target: str) -> None:
        """Send REFER for the URI ``target``; Replaces in it makes an attended transfer."""
        self._do("transfer", target)

    def press(self, keys: str) -> None:
        """Send DTMF (RFC 4733)."""
        self.control.ask("callfind", self.id)
        for key in keys:
            self.control.ask("sndcode", key)

    def _wait_renegotiated(self, begun: float) -> None:
        self._wait({"CALL_REMOTE_SDP"}, 10, "was renegotiated", begun)

    def _do(self, command: str, params: str = "") -> None:
        self.control.ask("callfind", self.id)
        self.control.ask(command, params)

    def _wait(self, kinds: set[str], timeout: float, what: str, after: float = 0) -> Event:
        ending = {*kinds, "CALL_CLOSED"}
        event = self.control.wait_for(
            lambda e: e.call == self.id and e.kind in ending, timeout, after
        )
        if event is None:
            raise CallFailed(f"the call never {what} within {timeout:g} s")
        if event.kind not in kinds:
            raise CallFailed(f"the call ended before it {what}: {event.text}", _status(event.text))
        return event


def _status(text: str) -> int | None:
    found = _STATUS.match(text)
    return int(found[1]) if found else None
