"""What the API tells of the blocklist, and takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ringwall.api.models import Body

Action = Literal["block", "allow"]
Seconds = Annotated[
    int | None,
    Field(ge=1, le=3650 * 86400, description="How long it lasts; left out: until it is removed."),
]


class BlockRow(BaseModel):
    """An entry of the list."""

    target: str = Field(description="An address, or a network with its length.")
    action: Action
    comment: str
    since: datetime | None = Field(description="Null: one of Kamailio's own tools has made it.")
    until: datetime | None


class Blocks(BaseModel):
    """The list."""

    blocks: list[BlockRow]
    enabled: bool = Field(description="False: security.blocklist.enabled is, and nothing holds.")
    kernel: bool = Field(description="False: the kernel's guard does not have this list yet.")


class NewBlock(Body):
    """An entry to make."""

    action: Action = "block"
    comment: str = Field("", max_length=255)
    seconds: Seconds = None


class Made(BlockRow):
    """An entry that was made; ``warnings`` tell where it does not hold yet, or not at all."""

    warnings: list[str] = []


class Removed(BaseModel):
    """An entry that was removed."""

    target: str
    warnings: list[str] = []


class BlocksImported(BaseModel):
    """What an import has changed; ``allowed`` were on the allowlist, and stay there."""

    added: int
    removed: int
    allowed: int
    entries: int = Field(description="How many are on the list now, the allowlist included.")
    warnings: list[str] = []
