"""What Asterisk's static configuration needs to know of this site."""

from __future__ import annotations

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings


def render(settings: Settings) -> dict[str, bytes]:
    """Return the files of ``/etc/ringwall``; both nodes get the same."""
    addresses = Addresses(settings)
    files = {
        "globals.conf": f"SBC = {addresses.kamailio_sbc}:5060\n"
        f"RING_TIME = {settings.pbx.ring_time.seconds}\n",
        "rooms.conf": _rooms(settings.pbx.conference_rooms),
        "pjsip.conf": _sbc(settings, addresses),
        "manager.conf": f"permit = {addresses.control}/255.255.255.255\n",
    }
    return {f"asterisk/{name}": (_HEAD + text).encode() for name, text in files.items()}


def _rooms(numbers: str) -> str:
    """Return a line for each room; a number that is given twice is one room."""
    rooms = dict.fromkeys(numbers.split(","))
    return "".join(f"exten => {room},1,Goto(conference,${{EXTEN}},1)\n" for room in rooms)


def _sbc(settings: Settings, addresses: Addresses) -> str:
    """Return who may talk to the node, for which domain, and when a silent phone is given up."""
    sbc = f"{addresses.kamailio_sbc}/255.255.255.255"
    return f"""
[kamailio](+)
from_domain = {settings.sbc.domains[0]}
rtp_timeout = {settings.pbx.media_timeout.seconds}
rtp_timeout_hold = {settings.pbx.hold_timeout.seconds}

[from-the-sbc]
type = identify
endpoint = kamailio
match = {sbc}

[only-the-sbc]
type = acl
deny = 0.0.0.0/0.0.0.0
permit = {sbc}
"""


_HEAD = "; Made by `ringwall up` from ringwall.yaml; changes here are lost.\n"
