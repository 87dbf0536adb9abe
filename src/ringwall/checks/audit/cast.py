"""The subscribers of an audit: added, given certificates, and taken away again."""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ringwall.checks.audit.layers import tls_is_required
from ringwall.checks.audit.stage import Cast
from ringwall.checks.phone import Account
from ringwall.errors import RingwallError
from ringwall.security import clients, signature_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringwall.checks.audit.stage import Api
    from ringwall.config.model import Settings
    from ringwall.config.workspace import Workspace

_PREFIX = "audit-"
_ROLES = ("victim", "mallory", "caller", "official")
_CARD_LIFETIME = timedelta(hours=3)


@contextmanager
def hired(api: Api, settings: Settings, place: Workspace) -> Iterator[Cast]:
    """Add the subscribers for a while; those that a killed audit left are removed first."""
    _dismiss(api)
    try:
        groups = settings.security.signature.groups
        accounts = {
            role: _add(api, role, groups[0] if groups and role == "official" else None)
            for role in _ROLES
        }
        with _cards(settings, place, [one.username for one in accounts.values()]) as cards:
            yield Cast(**accounts, cards=cards, keys=signature_keys.read(place.secrets).good)
    finally:
        _dismiss(api)


def _add(api: Api, role: str, group: str | None) -> Account:
    name = f"{_PREFIX}{role}-{secrets.token_hex(3)}"
    return Account(name, str(api.add_subscriber(name, group=group)["password"]))


def _dismiss(api: Api) -> None:
    for one in api.subscribers():
        name = str(one["username"])
        if name.startswith(tuple(f"{_PREFIX}{role}-" for role in _ROLES)):
            with suppress(RingwallError):  # somebody else removed it
                api.remove_subscriber(name)


@contextmanager
def _cards(settings: Settings, place: Workspace, users: list[str]) -> Iterator[dict[str, str]]:
    """Have certificates issued, for hours; what is listed of them goes with their users."""
    if not tls_is_required(settings):
        yield {}
        return
    now, realm = datetime.now(UTC), settings.sbc.domains[0]
    issuer = clients.ensure(place.certs, now)
    issued = {user: issuer.issue(user, realm, now, _CARD_LIFETIME) for user in users}
    try:
        yield {user: (one.certificate + one.key).decode() for user, one in issued.items()}
    finally:
        for one in issued.values():
            issuer.forget(one.serial)
