"""What the API tells of registrations, and of the pushes that tell others of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from ringwall.api.models import Body
from ringwall.telemetry.registration_document import RegistrationDocument

PushState = Literal["pending", "sent", "parked", "none"]


class Registration(BaseModel):
    """A phone that is registered now."""

    user: str
    domain: str
    contact: str
    received: str | None = Field(description="Where it really is, when it is behind a NAT.")
    expires: int = Field(description="Seconds until it expires.")
    user_agent: str
    call_id: str
    cseq: int
    socket: str | None = Field(description="The SBC's own: transport, address and port.")


class Registered(BaseModel):
    """The phones that are registered now."""

    registrations: list[Registration]
    live: bool = Field(
        description="False: as Kamailio last wrote them to the database, up to 10 s ago."
    )


class Removed(BaseModel):
    """What was removed."""

    user: str
    contacts: list[str]


class PastEvent(RegistrationDocument):
    """One event of a registration, as the external application is told of it."""

    number: int = Field(description="Its number in `pushes`.")


class History(BaseModel):
    """Events, the newest first."""

    events: list[PastEvent]
    next: str | None = Field(description="`before` of the next page; null: this is the last.")


class Push(BaseModel):
    """An event on its way to the external application."""

    id: int
    event_id: str = Field(description="The Idempotency-Key.")
    user: str
    domain: str
    event: str
    at: datetime = Field(description="When it happened.")
    state: PushState = Field(description="none: never to be sent; there was no URL, or purged.")
    attempts: int = Field(description="How often it was sent, the successful time included.")
    last_error: str | None
    queued_at: datetime
    next_attempt_at: datetime | None = Field(description="After a failure, if it is pending.")
    sent_at: datetime | None


class PushWithDocument(Push):
    """An event on its way, with the JSON that is sent."""

    document: dict[str, Any]


class PushStatus(BaseModel):
    """How the outbox is doing; counters count from control's start."""

    enabled: bool = Field(description="Whether telemetry.registrations.url is set.")
    pending: int
    parked: int
    lag_seconds: float = Field(description="How long the oldest pending event has waited; else 0.")
    away_since: datetime | None = Field(description="Since when the application is away.")
    last_error: str | None = Field(description="The last failure's, if there was one.")
    sent_total: int
    failures_total: int
    parked_total: int


class Pushes(BaseModel):
    """The outbox: how it is doing, and rows of it, the newest first."""

    status: PushStatus
    pushes: list[Push]


class Retry(Body):
    """Which to send again: one, or all that are parked."""

    id: int | None = Field(None, ge=1, description="null: all that are parked.")


class Purge(Body):
    """Which never to send."""

    state: Literal["parked", "pending"] = "parked"
    older_than: str | None = Field(
        None, max_length=64, description="Only those queued before that: `2h` ago, or ISO 8601."
    )


class Altered(BaseModel):
    """How many pushes were changed."""

    pushes: int
