"""The part `security.tls` of ringwall.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ringwall.config.section import Section


class Tls(Section):
    """SIP over TLS (docs/security/tls.md)."""

    minimum: Literal["1.2", "1.3"] = Field("1.2", description="The oldest version spoken.")
    required: bool = Field(
        False,
        description="true: phones are served over TLS alone; whoever comes over UDP or TCP gets "
        "403 and the verdict tls-required.",
    )
    client_certificates: Literal["off", "optional", "required"] = Field(
        "off",
        description="Whether phones show a certificate of their own; the command certs "
        "issue-client makes one. required: all must, so all need TLS; optional: who shows one "
        "must show a good one. The password is asked for in either case.",
    )
