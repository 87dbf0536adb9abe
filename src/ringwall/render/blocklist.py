"""What the blocklist needs to know of this site."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from ringwall.config.model import Settings
from ringwall.render.flood import never_banned


def defines(settings: Settings) -> dict[str, str]:
    """Return the defines of routes/blocklist.cfg."""
    return {"WITH_BLOCKLIST": ""} if settings.security.blocklist.enabled else {}


def never_blocked(settings: Settings) -> tuple[IPv4Network, ...]:
    """Return what no block may cover: what no ban may meet, and our own public address."""
    public = settings.sbc.public_address
    own = (IPv4Network(public),) if isinstance(public, IPv4Address) else ()
    return (*never_banned(settings), *own)
