"""A case of the audit: one attack, and what must come of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ringwall.checks.audit.layers import Layer, everyone_signs, tls_is_required
from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from ringwall.checks.audit.edge import Edge
    from ringwall.checks.audit.stage import Stage
    from ringwall.checks.phone import Transport
    from ringwall.config.model import Settings

Outcome: TypeAlias = int | Literal["silence", "closed"]
"""What came back: the status of the final answer, nothing, or the end of the connection."""
Attack: TypeAlias = "Callable[[Stage], None]"
PUBLIC = frozenset({"edge", "domain", "nobody", "me", "port", "transport", "id", "length"})
"""Placeholders of messages that any system can be sent."""
SILENCE: Literal["silence"] = "silence"
CLOSED: Literal["closed"] = "closed"
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


class Broken(RingwallError):
    """An attack had an effect that it must not have."""


@dataclass(frozen=True)
class Case:
    """One attack; ``name`` is unique."""

    name: str
    what: str
    """What is sent, in a line for people."""
    origin: str
    """The RFC's section, the advisory, or the tool that it comes from."""
    layer: Layer
    """Which one stops it."""
    attack: Attack
    """Raises ``Broken`` where it was not stopped."""
    applies: Callable[[Settings], str | None] | None = None
    """Why it does not apply to a system, or None where it does."""

    def does_not_apply(self, settings: Settings) -> str | None:
        """Return why it does not apply to this system; None where it does."""
        return self.applies(settings) if self.applies else None

    @property
    def message(self) -> Sends | None:
        """Its one message, where answers alone judge it: then any system can be asked."""
        if not isinstance(self.attack, Sends) or self.attack.needs_account:
            return None
        return self.attack


@dataclass(frozen=True)
class Family:
    """Cases of one kind; after each family a call with audio proves the system sound."""

    name: str
    title: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Sends:
    """An attack that is one message: what must come back, and what is on record then."""

    text: str
    """With the placeholders of ``Edge.filled``."""
    answers: tuple[Outcome, ...]
    """Any of these."""
    reason: str | None = None
    """Reason code of the verdict; None: not asked for, as a challenge has none."""
    transport: Transport = "udp"
    port: int = 5060
    """Our own."""
    layer: Layer = Layer.SANITY

    @property
    def needs_account(self) -> bool:
        """Whether its text names what only our own system has."""
        return not set(_PLACEHOLDER.findall(self.text)) <= PUBLIC

    def due(self, settings: Settings) -> tuple[tuple[Outcome, ...], str | None]:
        """Return outcomes and reason in this system: TLS may be asked for before the layer."""
        if not self.layer.comes_after_transport:
            return self.answers, self.reason
        if self.transport != "tls" and tls_is_required(settings):
            return (403,), "tls-required"
        if self.transport == "tls" and settings.security.tls.client_certificates == "required":
            return (403,), "client-certificate"
        if self.layer.position > Layer.SIGNATURE.position and everyone_signs(settings):
            return (403,), "signature-missing"
        return self.answers, self.reason

    def __call__(self, stage: Edge) -> None:
        """Send it from an address of its own; raise ``Broken`` where anything else comes back."""
        answers, reason = self.due(stage.settings)
        with stage.stranger(self.transport, port=self.port) as client:
            client.send(stage.filled(self.text, client))
            got = stage.outcome(client, patient=SILENCE not in answers)
            if got not in answers:
                wanted = " or ".join(map(str, answers))
                raise Broken(f"answered {got}; {wanted} was due")
            if reason is not None:
                stage.expect_verdict(client.address, reason)
