"""What the cases of an audit act with: accounts, addresses, the system's own records."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from ringwall.checks.audit.attacker import RemoteWire
from ringwall.checks.audit.case import Broken
from ringwall.checks.audit.edge import Edge
from ringwall.checks.audit.layers import everyone_signs, tls_is_required
from ringwall.checks.raw import Client, Dialog, authorization, describe
from ringwall.errors import BadInput
from ringwall.security.signature import HEADER, Request, sign

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from ipaddress import IPv4Address

    from ringwall.checks.phone import Account, Encryption, Transport
    from ringwall.checks.raw import Algorithm
    from ringwall.checks.sip import Message
    from ringwall.runtime.engine import Engine
    from ringwall.security.signature_keys import SigningKey

_ANSWER_S = 3.0
_RECORD_S = 10.0
_WINDOW_S = 15.0
"""So long counts what an address sent, and a little longer (modules.cfg: weights)."""
_KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"


class Api(Protocol):
    """What an audit asks the API of its own system for."""

    def subscribers(self) -> list[dict[str, Any]]:
        """Return all subscribers."""

    def add_subscriber(
        self, username: str, password: str | None = None, group: str | None = None
    ) -> dict[str, Any]:
        """Add one; the answer tells its ``password``."""

    def remove_subscriber(self, username: str) -> object:
        """Remove one."""

    def verdicts(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        """Return refusals, newest first."""

    def put_block(self, target: str, action: str, comment: str, seconds: int | None) -> object:
        """Block an address or a network."""

    def remove_block(self, target: str) -> object:
        """Block it no more."""

    def cdr(self, call_id: str) -> dict[str, Any]:
        """Return a call on record; BadInput where it is not."""

    def bans(self) -> dict[str, Any]:
        """Return ``bans``."""

    def unban(self, address: str) -> object:
        """Lift a ban; BadInput where there is none, and all that led to it is forgotten."""


@dataclass(frozen=True)
class Cast:
    """The subscribers of an audit; ``cards`` are their certificates with keys, by user."""

    victim: Account
    """Whom strangers attack."""
    mallory: Account
    """A subscriber with bad intentions."""
    caller: Account
    """Who places the legitimate calls, from an address of its own."""
    official: Account
    """Who must sign, where only groups must."""
    cards: Mapping[str, str]
    keys: Sequence[SigningKey]
    """Those of signatures, the newest last; none where nobody signs."""


@dataclass
class Stage(Edge):
    """Our own system under attack: with accounts, and with what it has on record."""

    engine: Engine
    api: Api
    cast: Cast
    inside: Mapping[str, IPv4Address]
    """Addresses of the inside, by role."""
    _used: dict[str, float] = field(default_factory=dict, kw_only=True)
    """When an address was used last; monotonic seconds."""

    def phone(self, account: Account, source: str | None = None) -> Client:
        """Return a client as a phone of this account must be here."""
        card = self.cast.cards.get(account.username)
        made = self.device({"certificate": card} if card else {}, source)
        made.sign = self.signed if everyone_signs(self.settings) else None
        return made

    def signed(self, method: str, dialog: Dialog) -> str:
        """Write the header that signs a request that begins something."""
        request = Request(method, dialog.target or "", dialog.user, dialog.call_id)
        key = self.cast.keys[-1]
        return f"{HEADER}: {sign(request, key.kid, key.key)}\r\n"

    def device(self, tls: Mapping[str, str], source: str | None = None) -> Client:
        """Return a client over the transport of phones; ``tls`` says what it shows there."""
        way = self.phone_transport
        wire = self.wire(way, source=source, port=5060 if way == "udp" else 0, tls=tls)
        made = Client(wire, self.target, way)
        made.algorithm = self.algorithm
        return made

    def media(self, source: str, port: int, target: tuple[str, int]) -> RemoteWire:
        """Open a socket to a media port."""
        made = RemoteWire(self.attacker, target, "udp", (source, port))
        self._open.append(made)
        return made

    @property
    def algorithm(self) -> Algorithm:
        """The digest algorithm that the system offers first."""
        return self.settings.security.digest.algorithms[0]

    def proof(self, answer: Message, method: str, uri: str, account: Account) -> str:
        """Write the header that answers a challenge."""
        return authorization(answer, method, uri, account, self.algorithm)

    @property
    def phone_transport(self) -> Transport:
        """How a phone must come here."""
        return "tls" if tls_is_required(self.settings) else "udp"

    @property
    def phone_encryption(self) -> Encryption | None:
        """Which media a phone must offer here."""
        return "srtp-mand" if self.settings.security.srtp.edge == "required" else None

    def dialog(self, account: Account, target: str | None = None) -> Dialog:
        """Return a new dialog, or registration, of this account."""
        return Dialog(account.username, self.settings.sbc.domains[0], target)

    def offer(self, client: Client, port: int = 40_000) -> str:
        """Write a session description that the system takes."""
        plain = describe(client.address, port)
        if self.settings.security.srtp.edge != "required":
            return plain
        secure = plain.replace("RTP/AVP", "RTP/SAVP")
        return f"{secure}{_KEY}{secrets.token_urlsafe(30)}\r\n"

    @property
    def names(self) -> Mapping[str, str]:
        """The victim, and addresses of the inside."""
        inside = {role: str(address) for role, address in self.inside.items()}
        return {"victim": self.cast.victim.username, **inside}

    def ask(self, client: Client, method: str, dialog: Dialog, **more: str) -> Message | None:
        """Send a request; return its final answer, None where none comes."""
        client.patience(_ANSWER_S)
        try:
            return client.ask(method, dialog, **more)
        except (TimeoutError, ConnectionError):
            return None

    # --- what is on record ---

    def expect_verdict(self, address: str, reason: str) -> None:
        """Wait until a verdict with this reason is on record for the address."""
        deadline = time.monotonic() + _RECORD_S
        while True:
            found = {row["reason"] for row in self.verdicts(address)}
            if reason in found:
                return
            if time.monotonic() > deadline:
                told = ", ".join(sorted(found)) or "nothing"
                raise Broken(f"the verdict must be {reason}; on record is {told}")
            time.sleep(0.1)

    def verdicts(self, address: str) -> list[dict[str, Any]]:
        """Return the refusals of this case from an address."""
        since = (self.begun - timedelta(seconds=1)).isoformat()
        found = self.api.verdicts({"address": address, "since": since, "limit": "50"})
        rows: list[dict[str, Any]] = found["verdicts"]
        return rows

    # --- before and after a case ---

    def fresh(self) -> str:
        """Return an address that the SBC counts nothing of: budgets are forgotten by themselves."""
        address, now = super().fresh(), time.monotonic()
        if now - self._used.get(address, -_WINDOW_S) < _WINDOW_S:
            self.forget(address)
        self._used[address] = now
        return address

    def clean(self) -> None:
        """Close what a case has opened, and lift the bans that it has led to."""
        super().clean()
        for ban in self.api.bans()["bans"]:
            if ban["address"] in self._used:
                self.forget(ban["address"])

    def forget(self, address: str) -> None:
        """Lift the ban of an address, and have forgotten what could lead to one."""
        with suppress(BadInput):  # it was not banned
            self.api.unban(address)
