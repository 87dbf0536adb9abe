"""What the anti-flood layer needs to know: Kamailio's routes/flood.cfg, and the guard."""

from __future__ import annotations

from ipaddress import IPv4Network

from ringwall.config.addresses import Addresses
from ringwall.config.flood_model import Flood
from ringwall.config.model import Settings
from ringwall.config.types import Rate

WINDOW_SECONDS = 10
"""As modules.cfg has it for the table `weights`."""
FORGET_SECONDS = 86400
"""A source that was not banned for so long begins anew."""


def never_banned(settings: Settings) -> tuple[IPv4Network, ...]:
    """Return whom no ban may meet: what the settings name, PBXs, and our own networks' ends.

    The edge's gateway is everyone, where Docker's proxy passes packets on.
    """
    own = [settings.instance.subnets.sbc, IPv4Network(settings.instance.subnets.edge[1])]
    own += [IPv4Network(Addresses(settings).kamailio_edge)]
    nodes = [IPv4Network(node.address) for node in settings.pbx.nodes]
    return tuple(dict.fromkeys([*own, *nodes, *settings.security.flood.never_ban]))


def defines(settings: Settings, internal_url: str) -> dict[str, str]:
    """Return the defines of routes/flood.cfg."""
    flood = settings.security.flood
    longest = flood.longest_ban.seconds
    never = ",".join(map(str, never_banned(settings)))
    return {
        **({"WITH_FLOOD": ""} if flood.enabled else {}),
        **_budgets(flood),
        "FIRST_BAN": str(flood.first_ban.seconds),
        "LONGEST_BAN": str(longest),
        "BAN_MEMORY": str(longest + FORGET_SECONDS),
        "NEVER_BAN": f'"{never}"',
        "BANS_URL": f'"{internal_url}/bans"',
    }


def _budgets(flood: Flood) -> dict[str, str]:
    """Return the budgets for a window; 0 is unlimited."""
    rates: dict[str, Rate] = {
        "UNKNOWN": flood.unknown, "REGISTERED": flood.registered, "TRUNK": flood.trunk
    }  # fmt: skip
    return {
        f"BUDGET_{name}": str((rate.per_second or 0) * WINDOW_SECONDS)
        for name, rate in rates.items()
    }
