"""Control's main program: wait for the database, migrate it, serve the API."""

from __future__ import annotations

import logging
import sys
from threading import Event, Thread

import uvicorn

from ringwall.api import environment
from ringwall.api.reminder import remind
from ringwall.errors import RingwallError
from ringwall.store import schema

PORT = 8080
_log = logging.getLogger("ringwall.control")


def main() -> int:
    """Run until told to stop; return the exit status."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    # What they tell of every step says nothing to an operator.
    for chatty in ("alembic", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        control = environment.assemble(environment.Environment())
        _prepare(control)
    except RingwallError as error:
        _log.error("%s; %s", error, error.remedy or "")
        return error.exit_status
    Thread(target=remind, args=(control.desk.catch_up, Event()), daemon=True).start()
    uvicorn.run(
        control.app,
        host="0.0.0.0",  # noqa: S104 - inside the container; the compose file publishes
        port=PORT,
        access_log=False,  # the guard writes one without query strings
        log_config=None,
        server_header=False,
    )
    return 0


def _prepare(control: environment.Control) -> None:
    schema.wait(control.database)
    schema.migrate(control.database)
    _log.info("the database is ready")
    for domain, number in control.subscribers.elsewhere().items():
        _log.warning(
            "%d subscribers of %s cannot sign in: the realm is %s now",
            number, domain, control.subscribers.domain,
        )  # fmt: skip
    for warning in control.desk.refresh():
        _log.warning("%s", warning)


if __name__ == "__main__":
    sys.exit(main())
