"""Asking again those who were away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event

from ringwall.errors import RingwallError

_FIRST_SECONDS, _LONGEST_SECONDS = 3.0, 300.0
_log = logging.getLogger(__name__)


def remind(
    catch_up: Callable[[], bool],
    stop: Event,
    first: float = _FIRST_SECONDS,
    longest: float = _LONGEST_SECONDS,
) -> None:
    """Call ``catch_up`` every ``first`` seconds until ``stop``; rarer while it fails."""
    delay = first
    while not stop.wait(delay):
        try:
            done = catch_up()
        except RingwallError as error:
            _log.warning("%s", error)
            done = False
        delay = first if done else min(delay * 2, longest)
