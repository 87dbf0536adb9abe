"""What ``up`` says at the end: where everything is, and what to try."""

from __future__ import annotations

from collections.abc import Sequence

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace
from ringwall.runtime.apply import Applied
from ringwall.security.secrets import TestAccount


def summary(
    settings: Settings, place: Workspace, applied: Applied, account: TestAccount, api: str
) -> str:
    """Return the text; ``api`` is the API's address as this host reaches it."""
    rows = [
        *_addresses(settings, applied),
        ("Domain", f"{settings.sbc.domains[0]} (phones need it as their domain or realm)"),
        ("Certificate", _certificate(place, applied)),
        ("API", f"{api}, token in {place.secrets / 'api_token'}"),
        ("Test account", f"{account.username}; password: cat {place.secrets / 'test_account'}"),
        ("Subscribers", "./ringwall subscribers add 1001"),
        ("Try", "dial 600 (echo), 601 (announcement), 602 (music), 603 (conference)"),
        ("", "./ringwall call      a real call through the system"),
        ("", "./ringwall status    how everything is"),
    ]
    return "\n".join(["Ringwall is up.", "", *_aligned(rows)])


def _addresses(settings: Settings, applied: Applied) -> Sequence[tuple[str, str]]:
    edge = Addresses(settings).kamailio_edge
    if not settings.instance.publish:
        where = f"{edge} ports 5060 (UDP, TCP), 5061 (TLS); nothing is published on this host"
        return [("SIP", where)]
    ports = settings.instance.ports
    where = f"{applied.facts.public_address} ports {ports.sip} (UDP, TCP), {ports.tls} (TLS)"
    return [
        ("SIP", f"{where}; from containers {edge}"),
        ("Media", f"{applied.facts.public_address} ports {ports.rtp} (UDP)"),
    ]


def _certificate(place: Workspace, applied: Applied) -> str:
    until = f"until {applied.certificate.not_after:%Y-%m-%d}"
    if applied.certificate.source == "own":
        return f"your own, {until}"
    return f"from Ringwall's own CA, {until}; phones that check it need {place.certs / 'ca.pem'}"


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [f"  {name:12}  {text}" for name, text in rows]
