"""Bringing the schema up to date when control starts."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_fixed

from ringwall.errors import RingwallError
from ringwall.store.database import Database, DatabaseAway

_MIGRATIONS = Path(__file__).parent / "migrations"
# Kamailio's own schema has a table `version`; ours must not be mistaken for it.
_VERSION_TABLE = "ringwall_schema_version"
_LOCK, _LOCK_SECONDS = "ringwall_migration", 20
_RETRY_SECONDS = 2
_log = logging.getLogger(__name__)


def wait(database: Database, seconds: float = _RETRY_SECONDS) -> None:
    """Return when the database answers; every attempt that failed is a line in the log.

    There is no end to it: the container is unhealthy meanwhile, which is what shows.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(DatabaseAway),
        wait=wait_fixed(seconds),
        before_sleep=_tell,
    )
    attempts(database.ping)


def migrate(database: Database) -> None:
    """Bring Ringwall's own tables to the newest version; running it again changes nothing.

    Raises ``RingwallError`` when Kamailio's own tables are missing or another migration runs.
    """
    with database.begin() as connection:
        if not inspect(connection).has_table("subscriber"):
            raise RingwallError(
                "the database kamailio lacks Kamailio's own tables",
                "see `docker logs mariadb`: it makes them when its volume is new",
            )
        lock = {"name": _LOCK, "seconds": _LOCK_SECONDS}
        if connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), lock).scalar() != 1:
            raise RingwallError("another control is migrating the database", "wait for it")
        try:
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes.update(connection=connection, version_table=_VERSION_TABLE)
            command.upgrade(config, "head")
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK})


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("waiting for the database: %s", error)
