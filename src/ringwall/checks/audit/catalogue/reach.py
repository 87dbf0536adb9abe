"""What a stranger on the edge reaches: SIP and media, and nothing that manages."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from ringwall.checks.audit.attacker import RemoteWire
from ringwall.checks.audit.case import Broken, Case
from ringwall.checks.audit.layers import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.audit.stage import Stage

_SIP = {5060, 5061}
_OPEN = re.compile(r"(\d+)/open/")
_UDP = "53,69,123,161,514,1514,2223,3306,4569,5038,8080,9060,9090,22222,22223"
_MANAGEMENT = "22,80,443,2046,3306,5038,5060,8080,8088,9060,9090,22222"
_HOSTS = {
    "control": "the control plane", "mariadb": "the database", "pbx": "the PBX",
    "core": "the SBC's own inside",
}  # fmt: skip


def _scan(stage: Stage, target: str, *options: str) -> set[int]:
    said = stage.attacker.run("nmap", "-Pn", "-n", "-oG", "-", *options, target, timeout=110)
    if "Nmap done" not in said:
        raise Broken(f"nmap did not run: {said[-200:]}")
    return {int(port) for port in _OPEN.findall(said)}


def _ports_of_sbc(stage: Stage) -> None:
    """Scan all TCP ports of the SBC."""
    found = _scan(stage, stage.target, "-sS", "-p", "1-65535", "--min-rate", "5000")
    if found != _SIP:
        raise Broken(f"open TCP ports: {sorted(found)}; {sorted(_SIP)} may be")


def _ports_of_relay(stage: Stage) -> None:
    """Scan all TCP ports of the media relay."""
    found = _scan(stage, str(stage.inside["media"]), "-sS", "-p", "1-65535", "--min-rate", "5000")
    if found:
        raise Broken(f"open TCP ports: {sorted(found)}")


def _udp_of(whose: str) -> Callable[[Stage], None]:
    """Return a scan of the UDP ports of management."""

    def attack(stage: Stage) -> None:
        target = stage.target if whose == "sbc" else str(stage.inside[whose])
        found = _scan(stage, target, "-sU", "-p", _UDP, "--max-retries", "1")
        if found:
            raise Broken(f"answering UDP ports: {sorted(found)}")

    return attack


def _inside(role: str) -> Callable[[Stage], None]:
    """Return a scan of the ports of management by an address of the inside."""

    def attack(stage: Stage) -> None:
        target = str(stage.inside[role])
        found = _scan(stage, target, "-sS", "-p", _MANAGEMENT, "--max-retries", "1")
        if found:
            raise Broken(f"{target} is reached, at ports {sorted(found)}")

    return attack


def _hep(stage: Stage) -> None:
    """Send a HEP packet to the collector's port of whatever has an address at the edge."""
    packet = b"HEP3" + struct.pack("!H", 6)
    for target in (stage.target, str(stage.inside["media"])):
        for port in (9060, 5060):
            wire = RemoteWire(stage.attacker, (target, port), "udp", (stage.fresh(), 0))
            wire.send(packet)
            try:
                came = wire.receive(0.7)
            except (TimeoutError, ConnectionError):
                continue
            finally:
                wire.close()
            raise Broken(f"{target}:{port} answered {came[:40]!r}")


def _case(name: str, what: str, attack: Callable[[Stage], None], origin: str = "nmap") -> Case:
    return Case(f"reach-{name}", what, origin, Layer.NETWORK, attack)


CASES = (
    _case("sbc-tcp", "every TCP port of the SBC", _ports_of_sbc),
    _case("relay-tcp", "every TCP port of the media relay", _ports_of_relay),
    _case("sbc-udp", "UDP ports of management, at the SBC", _udp_of("sbc")),
    _case("relay-udp", "UDP ports of management, at the media relay", _udp_of("media")),
    _case("hep", "HEP to the collector from outside", _hep, "HEP 3"),
    *(
        _case(f"inside-{role}", f"{name}, by its inside address", _inside(role), "design")
        for role, name in _HOSTS.items()
    ),
)  # fmt: skip
