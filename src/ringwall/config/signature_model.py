"""The part `security.signature` of ringwall.yaml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ringwall.config.section import Section
from ringwall.config.types import Duration, wrong

Mode = Literal["off", "static", "hmac"]
GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
_SHORTEST, _LONGEST = Duration(5), Duration(3600)


class Signature(Section):
    """X-Company-Signature of official clients (docs/security/signature.md)."""

    mode: Mode = Field(
        "off",
        description="static: the header is a key. hmac: it is made with a key for each request, "
        "so that nobody can use it for another. `ringwall signature` makes and shows keys.",
    )
    window: Duration = Field(
        Duration(60),
        description="hmac: how far the time in a signature may be from the SBC's clock, either "
        "way, from 5s to 1h.",
    )
    groups: Annotated[tuple[GroupName, ...], Field(max_length=64)] = Field(
        (),
        examples=["app"],
        description="Who must sign: users of these groups (`ringwall subscribers group`). None: "
        "everyone but trunks and the PBX.",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not _SHORTEST <= self.window <= _LONGEST:
            raise wrong(
                f"window {self.window} is out of range",
                f"write a time from {_SHORTEST} to {_LONGEST}",
            )
        if self.groups and self.mode == "off":
            raise wrong("groups are named, and mode is off", "set mode, or remove groups")
        return self
