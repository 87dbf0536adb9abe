"""RTPengine's configuration file."""

from __future__ import annotations

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.render.facts import Facts

NG_PORT = 22222


def render(settings: Settings, facts: Facts) -> dict[str, bytes]:
    """Return ``rtpengine.conf``: one interface a side, see ``routes/media.cfg``."""
    addresses = Addresses(settings)
    edge, core = addresses.rtpengine_edge, addresses.rtpengine_sbc
    ports = settings.instance.ports.rtp
    options = {
        "table": -1,
        "interface": f"edge/{edge}!{facts.public_address};local/{edge};core/{core}",
        "listen-ng": f"{core}:{NG_PORT}",
        "listen-cli": "127.0.0.1:9900",
        "port-min": ports.first,
        "port-max": ports.last,
        # With "strict source" in every offer and answer: no RTP bleed (CVE-2025-53399).
        "endpoint-learning": "heuristic",
        "tos": 184,
        # The PBX ends a call first: then there is still something to say of its media.
        "timeout": settings.pbx.media_timeout.seconds + 60,
        "silent-timeout": settings.pbx.hold_timeout.seconds + 60,
        "offer-timeout": 300,
        "final-timeout": 43260,
        "delete-delay": 2,
        "num-threads": 4,
        "log-level": 5,
    }
    lines = [f"{key} = {value}\n" for key, value in options.items()]
    text = "# Made by `ringwall up`; changes here are lost.\n[rtpengine]\n" + "".join(lines)
    return {"rtpengine/rtpengine.conf": text.encode()}
