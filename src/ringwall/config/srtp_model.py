"""The part `security.srtp` of ringwall.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ringwall.config.section import Section


class Srtp(Section):
    """Encrypted media at the edge (docs/security/srtp.md)."""

    edge: Literal["off", "optional", "required"] = Field(
        "optional",
        description="off: a phone that calls with SRTP is answered with it, no phone is offered "
        "it. optional: phones on TLS are offered SRTP first, others plain RTP first, and the "
        "other kind when they refuse that. required: no call without SRTP, 488 and the verdict "
        "srtp-required.",
    )
