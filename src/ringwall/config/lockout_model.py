"""The part `security.digest.lockout` of ringwall.yaml."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ringwall.config.section import Section
from ringwall.config.types import Duration, wrong

_LONGEST = Duration(43200)


class Lockout(Section):
    """When a user is let in only from where they are known; `lockout: off` for never."""

    enabled: bool = Field(True, description="false is the same as `lockout: off`.")
    failures: int = Field(
        10, ge=3, le=10_000, description="Wrong passwords for one user, from whatever addresses."
    )
    within: Duration = Field(Duration(60), description="The time in which they count together.")
    first_lock: Duration = Field(
        Duration(60),
        description="How long the user is let in only from addresses that they are registered "
        "from, or have proved the password from within a day.",
    )
    longest_lock: Duration = Field(
        Duration(900),
        description="Each further lock is twice as long as the one before, up to this (12h at "
        "most); twice this without any, and the next is a first one.",
    )

    @model_validator(mode="before")
    @classmethod
    def _may_be_off(cls, data: object) -> object:
        return {"enabled": False} if data == "off" else data

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.longest_lock < self.first_lock:
            raise wrong(
                f"first_lock {self.first_lock} exceeds longest_lock {self.longest_lock}",
                "make longest_lock the longer one",
            )
        if self.longest_lock > _LONGEST or self.within > _LONGEST:
            raise wrong(
                f"within {self.within} or longest_lock {self.longest_lock} is too long",
                f"write at most {_LONGEST}",
            )
        return self
