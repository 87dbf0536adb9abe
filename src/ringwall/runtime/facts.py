"""Finds out what the renderer may know of the world."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.render.facts import Facts
from ringwall.runtime.images import COMPONENTS, image_tag

_SOMEWHERE = ("192.0.2.1", 9)  # RFC 5737: an address that nobody has


def find(settings: Settings) -> Facts:
    """Return the facts for these settings: the address that phones reach, and the images."""
    images = {component: image_tag(component, settings) for component in COMPONENTS}
    return Facts(public_address(settings), images)


def public_address(settings: Settings) -> IPv4Address:
    """Return the configured address; for ``auto`` the host's own on its default route.

    Without ports published, or without a route, only the edge network reaches the SBC.
    """
    if settings.sbc.public_address != "auto":
        return settings.sbc.public_address
    own = own_address() if settings.instance.publish else None
    return own or Addresses(settings).kamailio_edge


def own_address() -> IPv4Address | None:
    """Return the address that this host would send from; connecting UDP sends no packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_SOMEWHERE)
        except OSError:
            return None
        return IPv4Address(probe.getsockname()[0])
