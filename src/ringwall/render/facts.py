"""What a renderer may know of the world, beside the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address


@dataclass(frozen=True, slots=True)
class Facts:
    """Found out by ``ringwall.runtime.facts``, so that rendering itself stays pure."""

    public_address: IPv4Address
    """What phones reach, also where ringwall.yaml says ``auto``."""

    images: Mapping[str, str]
    """Component to image, as ``ringwall/kamailio:0123456789ab``."""
