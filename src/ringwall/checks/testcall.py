"""A test call: one real phone, one call, and what it heard."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ringwall.checks import capture
from ringwall.checks.audio import TONES
from ringwall.checks.phone import Phone
from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.call import Call

ECHO = "600"
_REGISTER_S = 10
_ANSWER_S = 60
"""Longer than the ring time after which a mailbox answers."""
_LISTEN_S = 5
_ECHO_S = 12
_FINEST_MS = 10
"""How well the tones' beginnings are told."""


@dataclass(frozen=True)
class Report:
    """What a test call found; times in milliseconds, level in dBFS."""

    number: str
    transport: str
    registered_ms: int
    answered_ms: int
    status: str
    """The status line that answered."""
    matched: int
    """Tones of the phone's own melody that came back."""
    tones: int
    level: float | None
    """None: digital silence, or no media at all."""
    media: bool
    """Whether any audio packet came."""
    round_trip_ms: int | None

    @property
    def passed(self) -> bool:
        """Whether the echo came back whole, or, for other numbers, whether media came."""
        return self.matched == self.tones if self.number == ECHO else self.media

    @property
    def verdict(self) -> str:
        """One line for people."""
        if not self.media:
            return "heard nothing: no audio packet came"
        if self.number == ECHO and self.matched:
            word = "heard back what was said" if self.passed else "heard back a part"
            return f"{word} ({self.matched} of {self.tones} tones{self._trip})"
        if self.level is None:
            return "heard silence"
        wrong = ", which is not what was said" if self.number == ECHO else ""
        return f"heard sound ({self.level:.0f} dBFS){wrong}"

    @property
    def _trip(self) -> str:
        if self.round_trip_ms is None:
            return ""
        if self.round_trip_ms < _FINEST_MS:
            return f", less than {_FINEST_MS} ms round trip"
        return f", {self.round_trip_ms} ms round trip"

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "passed": self.passed, "verdict": self.verdict}


def place(phone: Phone, number: str, say: Callable[[str], None]) -> Report:
    """Register ``phone``, call ``number``, listen, hang up.

    Encrypted media is heard where the phone plays it.

    ``say`` gets a line as each thing happens. Raises RingwallError where the phone cannot
    register or nobody answers.
    """
    begun = time.monotonic()
    phone.wait_registered(_REGISTER_S)
    registered = _milliseconds(begun)
    say(f"registered as {phone.account.username} over {phone.transport.upper()} ({registered} ms)")
    call = phone.dial(number)
    try:
        return _listen(phone, number, call, registered, say)
    finally:
        _hang_up(call)


def _listen(
    phone: Phone, number: str, call: Call, registered: int, say: Callable[[str], None]
) -> Report:
    answered = round((call.wait_established(_ANSWER_S).time - call.begun) * 1000)
    status = _answer(phone, call)
    say(f"{number} answered after {answered} ms: {status}")
    listen = phone.wait_played if phone.encryption else phone.wait_heard
    heard = listen(phone.melody, _ECHO_S if number == ECHO else _LISTEN_S)
    trip = capture.round_trip(phone.packets, phone.address) if number == ECHO else None
    report = Report(
        number=number,
        transport=phone.transport,
        registered_ms=registered,
        answered_ms=answered,
        status=status,
        matched=heard.matched if number == ECHO else 0,
        tones=TONES,
        level=None if math.isinf(heard.level) else round(heard.level, 1),
        media=bool(phone.incoming),
        round_trip_ms=None if trip is None else round(trip * 1000),
    )
    say(report.verdict)
    return report


def _answer(phone: Phone, call: Call) -> str:
    """The status line that answered the call."""
    answers = (
        message.start_line.removeprefix("SIP/2.0 ")
        for message in phone.messages
        if message.method == "INVITE"
        and message.header("Call-ID") == call.id
        and (message.status or 0) // 100 == 2
    )
    return next(answers, "200")


def _hang_up(call: Call) -> None:
    if not call.closed:
        call.hangup()
        try:
            call.wait_closed(3)
        except RingwallError:
            return  # the phone is removed next, and the call with it


def _milliseconds(since: float) -> int:
    return round((time.monotonic() - since) * 1000)
