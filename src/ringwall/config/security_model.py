"""The part `security` of ringwall.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ringwall.config.blocklist_model import Blocklist
from ringwall.config.flood_model import Flood
from ringwall.config.lockout_model import Lockout
from ringwall.config.scanners_model import Scanners
from ringwall.config.section import Section
from ringwall.config.signature_model import Signature
from ringwall.config.srtp_model import Srtp
from ringwall.config.tls_model import Tls
from ringwall.config.types import Duration

UserAgent = Annotated[str, Field(pattern=r"^[A-Za-z0-9 ._/()+-]{1,64}$")]


class Digest(Section):
    """Digest authentication (RFC 8760)."""

    algorithms: tuple[Literal["SHA-256", "MD5"], ...] = Field(
        ("SHA-256", "MD5"), min_length=1, description="Offered in this order."
    )
    md5_only_agents: tuple[UserAgent, ...] = Field(
        ("baresip v0.", "baresip v1."),
        examples=["baresip v1."],
        description="Phones that give up when SHA-256 is offered at all, by the beginning of "
        "their User-Agent; they are offered MD5 alone.",
    )
    nonce_lifetime: Duration = Field(Duration(60), description="How long a challenge is good for.")
    lockout: Lockout = Field(
        Lockout(), description="What guessing a user's password leads to (docs/security/digest.md)."
    )


class Security(Section):
    """What strangers meet."""

    digest: Digest = Field(Digest(), description="Digest authentication.")
    tls: Tls = Field(Tls(), description="TLS and client certificates.")
    srtp: Srtp = Field(Srtp(), description="Encrypted media.")
    blocklist: Blocklist = Field(
        Blocklist(), description="Addresses that an operator blocks (docs/security/blocklist.md)."
    )
    flood: Flood = Field(Flood(), description="Budgets of requests, and bans.")
    scanners: Scanners = Field(Scanners(), description="Attack tools (docs/security/scanners.md).")
    signature: Signature = Field(Signature(), description="Signatures of official clients.")
