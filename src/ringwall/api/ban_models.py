"""What the API tells of bans, and takes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from ringwall.api.models import Body

_LONGEST = 3650 * 86400


class BanRow(BaseModel):
    """An address that is kept away."""

    address: str
    reason: str
    by: str = Field(description="flood (Kamailio), fail2ban or operator.")
    since: datetime
    until: datetime
    count: int = Field(description="How many bans there were, with less than a day in between.")
    kernel: bool = Field(description="Its packets are dropped before any program sees them.")
    dropped: int | None = Field(description="Packets dropped there; null: none can be.")


class Bans(BaseModel):
    """Who is banned now."""

    bans: list[BanRow]
    kernel: bool = Field(description="False: the kernel's guard does not answer.")


class NewBan(Body):
    """A ban by order of an operator."""

    seconds: int = Field(3600, ge=1, le=_LONGEST)
    reason: str = Field("by order", min_length=1, max_length=255)


class Unbanned(BaseModel):
    """Whose ban was lifted."""

    address: str


class Told(Body):
    """A ban that Kamailio made."""

    address: str = Field(max_length=45)
    seconds: int = Field(ge=1, le=_LONGEST)
    count: int = Field(ge=1)
    reason: Literal["flood"]
