"""The part `security.blocklist` of ringwall.yaml."""

from __future__ import annotations

from pydantic import Field

from ringwall.config.section import Section


class Blocklist(Section):
    """Addresses that `ringwall block` blocks or allows (docs/security/blocklist.md)."""

    enabled: bool = Field(
        True, description="false: the list is kept, and nobody is blocked or allowed by it."
    )
