"""Tells an external application of every registration: the worker behind the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread

from ringwall.telemetry.push_client import PushClient, Target
from ringwall.telemetry.push_courier import Counters, Courier, Outbox, Rules

_STOP_SECONDS = 10.0


class Registrations:
    """Sends what waits in the outbox, in a thread of its own; all methods are for any thread.

    At least once, in order for each user, users beside each other. Only a status 2xx is a
    delivery; everything else is tried again until it is too old, and then parked.
    """

    def __init__(self, outbox: Outbox, target: Target, rules: Rules | None = None) -> None:
        # The loop's own executor resolves names: a resolver that hangs must not hold up the
        # database.
        self._desk = ThreadPoolExecutor(1, "outbox")
        self._client = PushClient(target)
        self._courier = Courier(outbox, self._client.send, rules or Rules(), self._desk)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None

    @property
    def counters(self) -> Counters:
        """What happened since the start."""
        return self._courier.counters

    def run(self, stop: Event) -> None:
        """Send until ``stop``."""
        self.start()
        stop.wait()
        self.stop()

    def start(self) -> None:
        """Begin to send."""
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(
            target=self._main, args=(self._loop,), name="registrations", daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Tell that there are new pushes; without it they are seen within half a second."""
        self._tell(self._courier.wake)

    def retry(self) -> None:
        """Try everything that waits now, whatever failed before."""
        self._tell(self._courier.retry)

    def stop(self) -> None:
        """Send nothing new, and end within some seconds."""
        self._tell(self._courier.stop)
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def _tell(self, what: Callable[[], None]) -> None:
        # The loop may be closed just now: then there is nobody to tell.
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(what)

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._work())

    async def _work(self) -> None:
        with self._desk:
            async with self._client:
                await self._courier.run()
