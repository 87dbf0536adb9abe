"""What an attack can be made with: sockets, messages, and what comes back."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ringwall.checks.audit.attacker import Attacker, RemoteWire
from ringwall.checks.audit.case import CLOSED, SILENCE
from ringwall.checks.raw import Client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringwall.checks.audit.case import Outcome
    from ringwall.checks.phone import Transport
    from ringwall.config.model import Settings

NOBODY = "audit-nobody"
"""A user that there is not."""
_SILENCE_S = 0.7
_ANSWER_S = 3.0


@dataclass
class Edge:
    """An SBC as a stranger meets it: nothing is known but what it answers."""

    settings: Settings
    attacker: Attacker
    target: str
    """Its address."""
    begun: datetime = field(default_factory=lambda: datetime.now(UTC), kw_only=True)
    """When the case began."""
    _open: list[RemoteWire] = field(default_factory=list, kw_only=True)

    def wire(
        self,
        transport: str = "udp",
        *,
        port: int = 0,
        target_port: int | None = None,
        source: str | None = None,
        tls: Mapping[str, str] | None = None,
    ) -> RemoteWire:
        """Open a socket to the SBC, from a fresh address unless ``source`` names one."""
        source = source or self.fresh()
        secure = (tls or {}) if transport == "tls" else None
        to = target_port or (5061 if transport == "tls" else 5060)
        way = "udp" if transport == "udp" else "tcp"
        made = RemoteWire(self.attacker, (self.target, to), way, (source, port), secure)
        self._open.append(made)
        return made

    def fresh(self) -> str:
        """Return an address that the SBC counts nothing of."""
        return self.attacker.fresh()

    def stranger(
        self, transport: Transport = "udp", *, port: int = 0, source: str | None = None
    ) -> Client:
        """Return a client that has no account."""
        return Client(self.wire(transport, port=port, source=source), self.target, transport)

    def filled(self, text: str, client: Client) -> str:
        """Fill in the placeholders of a message."""
        known = {
            "edge": self.target,
            "domain": self.settings.sbc.domains[0],
            "nobody": NOBODY,
            "me": client.address,
            "port": str(client.port),
            "transport": client.transport.upper(),
            "id": secrets.token_hex(8),
            **self.names,
        }
        for name, value in known.items():
            text = text.replace(f"{{{name}}}", value)
        body = text.partition("\r\n\r\n")[2].encode(errors="surrogateescape")
        return text.replace("{length}", str(len(body)))

    @property
    def names(self) -> Mapping[str, str]:
        """Further placeholders."""
        return {}

    def outcome(self, client: Client, *, patient: bool = True) -> Outcome:
        """Wait for the final answer to what was sent last."""
        limit = _ANSWER_S if patient else _SILENCE_S
        client.patience(limit)
        deadline = time.monotonic() + limit
        try:
            while time.monotonic() < deadline:
                status = client.receive().status or 0
                if status >= 200:
                    return status
        except TimeoutError:
            return SILENCE
        except ConnectionError:
            return CLOSED
        return SILENCE

    def expect_verdict(self, address: str, reason: str) -> None:
        """Ask what is on record, where that can be known."""

    def begin(self) -> None:
        """Begin a case."""
        self.begun = datetime.now(UTC)

    def clean(self) -> None:
        """Close what a case has opened."""
        for wire in self._open:
            with suppress(OSError):
                wire.close()
        self._open.clear()
