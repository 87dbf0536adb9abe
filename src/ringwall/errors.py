"""What can go wrong, as a user sees it: one base class, one exit status a kind."""

from __future__ import annotations

from typing import ClassVar


class RingwallError(Exception):
    """Something failed; ``remedy`` says what the user can do about it."""

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class BadInput(RingwallError):
    """The user gave something that cannot be right; nothing was touched."""

    exit_status = 2


class NotRunning(RingwallError):
    """The command needs a running system, and there is none."""

    exit_status = 3
