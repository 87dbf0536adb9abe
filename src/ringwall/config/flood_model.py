"""The part `security.flood` of ringwall.yaml."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from ringwall.config.section import Section
from ringwall.config.types import Duration, Rate, wrong


def _network(value: object) -> IPv4Network:
    """Read an address or a subnet; one that would name half the Internet is refused."""
    if isinstance(value, IPv4Network):
        return value
    try:
        found = IPv4Network(value if isinstance(value, str) else "")
    except ValueError:
        raise wrong(
            f"{value!r} is no IPv4 address or subnet", "write 192.0.2.10 or 192.0.2.0/24"
        ) from None
    if found.prefixlen < _WIDEST:
        raise wrong(f"{value} is too wide", f"write a prefix length from /{_WIDEST} to /32")
    return found


_WIDEST = 8
Exempt = Annotated[
    IPv4Network,
    BeforeValidator(_network),
    WithJsonSchema({"type": "string", "title": "IPv4 address or subnet"}),
]


class Flood(Section):
    """How much a source may send; `flood: off` for as much as it likes. See security/flood.md."""

    enabled: bool = Field(True, description="false is the same as `flood: off`.")
    unknown: Rate = Field(
        Rate(30),
        description="Requests a second from an address that nobody is registered from, over ten "
        "seconds: 30/s is 300 at once. A refusal counts as ten; what proves to be a user's, "
        "not at all.",
    )
    registered: Rate = Field(
        Rate(100), description="From an address that somebody is registered from."
    )
    trunk: Rate = Field(Rate(None), description="From a trunk.")
    never_ban: tuple[Exempt, ...] = Field(
        (),
        max_length=64,
        examples=["192.0.2.0/24"],
        description="Addresses and subnets that are never banned; the budgets hold for them too.",
    )
    first_ban: Duration = Field(Duration(60), description="How long the first ban lasts.")
    longest_ban: Duration = Field(
        Duration(86400),
        description="Each further ban is twice as long as the one before, up to "
        "this; a day without any, and the next is a first one.",
    )
    failures: int = Field(
        20,
        ge=3,
        le=10_000,
        description="Refusals within ten minutes, however slow, until fail2ban bans a source. "
        "At most one in two seconds counts: faster ones use up its budget.",
    )

    @model_validator(mode="before")
    @classmethod
    def _may_be_off(cls, data: object) -> object:
        # YAML 1.1 reads `off` as false.
        return {"enabled": False} if data is False or data == "off" else data

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.longest_ban < self.first_ban:
            raise wrong(
                f"first_ban {self.first_ban} exceeds longest_ban {self.longest_ban}",
                "make longest_ban the longer one",
            )
        return self
