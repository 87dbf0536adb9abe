"""The way to MariaDB: pooled connections, and a quick answer when it is away."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from ringwall.errors import RingwallError

PORT = 3306
# Connecting and the first answer: together they keep the time to "it is away" under 3 s.
_CONNECT_SECONDS, _PROBE_SECONDS = 1, 1
# One statement of a large import.
_STATEMENT_SECONDS = 30
_POOL_SIZE = 5


class DatabaseAway(RingwallError):
    """MariaDB does not answer, or refuses us."""


class Database:
    """Connections to the database ``kamailio``. May be used by several threads."""

    def __init__(self, address: IPv4Address | str, password: str, port: int = PORT) -> None:
        url = URL.create(
            "mysql+pymysql", "control", password, str(address), port, "kamailio",
            {"charset": "utf8mb4"},
        )  # fmt: skip
        self._where = f"{address}:{port}"
        self._probe = create_engine(
            url, poolclass=NullPool, connect_args=_connecting(_PROBE_SECONDS)
        )
        self._engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=_POOL_SIZE,
            pool_recycle=3600,
            hide_parameters=True,
            connect_args=_connecting(_STATEMENT_SECONDS),
        )

    def ping(self) -> None:
        """Return when the database answers; raise ``DatabaseAway`` within 3 seconds."""
        with self._translated(), self._probe.connect() as connection:
            connection.execute(text("SELECT 1"))

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction; raise ``DatabaseAway`` when the database is, or goes, away.

        The ping comes first, because a statement itself may take long: without it, a
        database that hangs would be noticed after the statement's time limit.
        """
        self.ping()
        with self._translated(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close idle connections."""
        self._engine.dispose()
        self._probe.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, DataError):  # it is there, and it minds what was asked
            raise
        except DBAPIError as error:
            raise DatabaseAway(
                f"MariaDB at {self._where}: {_reason(error)}",
                "see `docker ps` and `docker logs mariadb`",
            ) from error


def _encrypted() -> ssl.SSLContext:
    """Encrypt as the driver does by itself: without a check, MariaDB signs its own certificate.

    The driver would load all public CAs for each connection: 20 ms of CPU.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


_TLS = _encrypted()


def _connecting(seconds: int) -> dict[str, int | ssl.SSLContext]:
    return {
        "ssl": _TLS,
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": seconds,
        "write_timeout": seconds,
    }


def _reason(error: DBAPIError) -> str:
    """Return the driver's own words: number and text, never the statement or its values."""
    arguments = error.orig.args if error.orig else ()
    return str(arguments[1] if len(arguments) > 1 else error.orig)
