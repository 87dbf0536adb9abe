"""What the API takes and gives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ringwall.config.signature_model import GroupName
from ringwall.security.accounts import MAX_PASSWORD, MIN_PASSWORD

MAX_ROWS = 100_000

Up = Literal["up", "down"]
State = Literal["up", "down", "unknown"]
Password = Annotated[
    str | None,
    Field(
        description=f"{MIN_PASSWORD} to {MAX_PASSWORD} printable characters; "
        "left out: one is made, and the answer tells it once."
    ),
]

Group = Annotated[
    GroupName | None, Field(description="As security.signature.groups names them; null: none.")
]


class Body(BaseModel):
    """A request's body: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class NewSubscriber(Body):
    """A subscriber to add."""

    username: str
    password: Password = None
    group: Group = None


class NewPassword(Body):
    """A password to set."""

    password: Password = None


class NewGroup(Body):
    """A group to be of from now on."""

    group: Group


class Subscriber(BaseModel):
    """A subscriber, and whether a phone is registered (null: Kamailio and database are away)."""

    username: str
    domain: str
    registered: bool | None
    group: str | None = None
    locked_out: bool | None = Field(
        None, description="Somebody guesses the password; null: Kamailio is away."
    )


class Changed(BaseModel):
    """A change that is kept; ``warnings`` tell which part has not heard of it yet."""

    username: str
    domain: str
    warnings: list[str] = []


class PasswordSet(Changed):
    """A password that was set; it is told only when it was made here."""

    password: str | None = None


class Added(BaseModel):
    """A subscriber that was added; the PIN is that of its mailbox, null without one."""

    username: str
    domain: str
    password: str | None = Field(None, description="Only when it was made here.")
    pin: str | None = None


class AddedOne(Added):
    """A subscriber that was added alone."""

    warnings: list[str] = []


class Imported(BaseModel):
    """All rows of an import."""

    subscribers: list[Added]
    warnings: list[str] = []


class Health(BaseModel):
    """The API answers, and its schema is up to date."""

    status: Literal["ok"] = "ok"


class NodeStatus(BaseModel):
    """A PBX node as Kamailio sees it."""

    name: str
    address: str
    state: State


class Status(BaseModel):
    """The running system. A number is null when Kamailio does not tell it."""

    nodes: list[NodeStatus]
    registrations: int | None = Field(description="Registered users.")
    calls: int | None = Field(description="Dialogs: a call between two users is two.")
    database: Up
    kamailio: Up
    media: Up


class RowError(BaseModel):
    """What is wrong with a row of an import; rows count from 1."""

    row: int
    error: str


class Error(BaseModel):
    """Why a request was refused, and what to do about it."""

    error: str
    remedy: str | None = None
    errors: list[RowError] | None = Field(None, description="Of an import: every row's fault.")
