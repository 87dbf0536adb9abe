"""What the guard of the kernel's bans, and fail2ban beside it, need to know."""

from __future__ import annotations

import json

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.render.containers import GUARD_PORT
from ringwall.render.flood import never_banned


def render(settings: Settings) -> dict[str, bytes]:
    """Return the files of ``/etc/ringwall`` in the container ``fail2ban``."""
    addresses = Addresses(settings)
    never = [str(network) for network in never_banned(settings)]
    guard = {
        "listen": str(addresses.kamailio_sbc),
        "port": GUARD_PORT,
        "control": str(addresses.control),
        "never": never,
    }
    return {
        "fail2ban/guard.json": f"{json.dumps(guard, indent=2)}\n".encode(),
        "fail2ban/jail.local": _jail(settings, never).encode(),
    }


def _jail(settings: Settings, never: list[str]) -> str:
    flood = settings.security.flood
    return f"""\
# Made by `ringwall up` from ringwall.yaml; changes here are lost.
[ringwall]
enabled = {str(flood.enabled).lower()}
ignoreip = {" ".join(never)}
maxretry = {flood.failures}
bantime = {flood.first_ban.seconds}
bantime.maxtime = {flood.longest_ban.seconds}
"""
