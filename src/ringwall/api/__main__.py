"""Control's main program: serve, and when the database is there, migrate it and work."""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable
from threading import Event, Thread

import uvicorn

from ringwall.api import environment
from ringwall.api.reminder import remind
from ringwall.errors import RingwallError
from ringwall.store import retention, schema

PORT = 8080
# The container is killed after ten.
_END_SECONDS = 6.0
_log = logging.getLogger("ringwall.control")


def main() -> int:
    """Run until told to stop; return the exit status."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    # What they tell of every step says nothing to an operator.
    for chatty in ("alembic", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    stop = Event()
    # uvicorn ends its own work at this signal and then sends it on to us.
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        control = environment.assemble(environment.Environment())
    except RingwallError as error:
        _log.error("%s; %s", error, error.remedy or "")
        return error.exit_status
    server = uvicorn.Server(
        uvicorn.Config(
            control.app,
            host="0.0.0.0",  # noqa: S104 - inside the container; the compose file publishes
            port=PORT,
            access_log=False,  # the guard writes one without query strings
            log_config=None,
            server_header=False,
        )
    )
    # Events are taken from the first moment on, also while MariaDB is away.
    backstage = _Backstage(control, server, stop)
    Thread(target=backstage.run, name="backstage", daemon=True).start()
    server.run()
    backstage.end()
    control.recorder.close()
    return backstage.exit_status


class _Backstage:
    """What goes on behind the API, from the moment that the database is there."""

    def __init__(self, control: environment.Control, server: uvicorn.Server, stop: Event) -> None:
        self._control, self._server, self._stop = control, server, stop
        self._threads: list[Thread] = []
        self.exit_status = 0

    def run(self) -> None:
        """Prepare the database, then start the work; the server ends where that fails."""
        control, stop = self._control, self._stop
        try:
            schema.wait(control.database)
            schema.migrate(control.database)
            _log.info("the database is ready")
            self._start(control.recorder.run, stop)
            _refresh(control)
        except RingwallError as error:
            _log.error("%s; %s", error, error.remedy or "")
            self.exit_status, self._server.should_exit = error.exit_status, True
            return
        if control.pushes is not None:
            self._start(control.pushes.run, stop)
        self._start(remind, control.desk.catch_up, stop)
        self._start(remind, control.bans.catch_up, stop, 1.0, 5.0)
        self._start(remind, control.blocks.catch_up, stop, 1.0, 5.0)
        self._start(retention.run, control.database, control.records, stop)
        control.ready.set()

    def end(self) -> None:
        """Let everyone finish what they are at, for some seconds."""
        self._stop.set()
        deadline = time.monotonic() + _END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def _refresh(control: environment.Control) -> None:
    for domain, number in control.subscribers.elsewhere().items():
        _log.warning(
            "%d subscribers of %s cannot sign in: the realm is %s now",
            number, domain, control.subscribers.domain,
        )  # fmt: skip
    for warning in control.desk.refresh():
        _log.warning("%s", warning)


if __name__ == "__main__":
    sys.exit(main())
