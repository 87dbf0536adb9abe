"""Certificates of a running system: made, revoked, and Kamailio told, with no call touched."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace
from ringwall.runtime import facts
from ringwall.runtime.engine import Engine
from ringwall.security import certificates
from ringwall.security.certificates import EdgeCertificate
from ringwall.security.clients import ClientCertificate

# Each reload leaves some memory behind, and two at once corrupt it.
_APART = 5.0


def bring(
    engine: Engine,
    place: Workspace,
    settings: Settings,
    *,
    renew: bool = False,
    force: bool = False,
) -> tuple[EdgeCertificate, bool]:
    """Make the edge's files what they should be; return its certificate, and whether it reloaded.

    Kamailio reloads only when a file changed, or with ``force``. The caller holds the lock.
    """
    public = facts.public_address(settings)
    if renew:
        certificates.discard(place.certs)
    made = certificates.ensure(place.certs, settings, public)
    container = Addresses(settings).container("kamailio_sbc")
    if not (made.changed or force) or not _runs(engine, container):
        return made, False
    tell(engine, place.certs, container)
    return made, True


def tell(engine: Engine, certs: Path, container: str) -> None:
    """Have Kamailio read its certificates again; connections that are up stay so."""
    stamp = certs / "reloaded"
    if stamp.exists():
        time.sleep(max(0.0, min(_APART, stamp.stat().st_mtime + _APART - time.time())))
    engine.exec(container, "kamcmd", "tls.reload")
    stamp.touch(0o600)


def shut_out(engine: Engine, settings: Settings, revoked: Iterable[ClientCertificate]) -> None:
    """Refuse revoked certificates on the connections, too, that are up."""
    container = Addresses(settings).container("kamailio_sbc")
    if not _runs(engine, container):
        return
    for one in revoked:
        # s: a text, though it is a number.
        engine.exec(container, "kamcmd", "htable.seti", "revoked", f"s:{one.serial}", "1")


def _runs(engine: Engine, container: str) -> bool:
    state = engine.container_state(container)
    return state is not None and state.running
