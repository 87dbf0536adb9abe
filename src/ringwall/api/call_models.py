"""What the API tells of calls: those on record, and those that go on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, PlainSerializer

from ringwall.api import moments

Result = Literal["answered", "busy", "cancelled", "failed", "refused"]
CallState = Literal["ringing", "answered"]
Moment = Annotated[datetime, PlainSerializer(moments.written, return_type=str)]


class Media(BaseModel):
    """Codec and quality; a number is null where nobody measured."""

    codec: str
    srtp: bool
    mos_average: float | None
    mos_min: float | None
    loss: float | None = Field(description="Percent lost, both directions together.")
    jitter: float | None = Field(description="Milliseconds, both directions together.")
    loss_caller: float | None = Field(description="Percent lost of what the caller sent.")
    loss_callee: float | None = Field(description="Percent lost of what the callee sent.")
    jitter_caller: float | None = Field(description="Milliseconds.")
    jitter_callee: float | None = Field(description="Milliseconds.")
    round_trip: float | None = Field(description="Milliseconds.")
    masked: bool = Field(description="Numbers were masked, as the retention settings say.")


class Outcome(BaseModel):
    """How it ended."""

    sip_code: int
    reason: str = Field(description="Reason code of what was refused, else empty.")
    hangup_by: str


class Times(BaseModel):
    """UTC, to the millisecond; null: it did not come to that."""

    invited_at: Moment
    ringing_at: Moment | None
    answered_at: Moment | None
    ended_at: Moment


class Source(BaseModel):
    """Where it came from, and the PBX node that had it."""

    sbc_node: str
    source_address: str
    source_port: int
    transport: str
    pbx_node: str


class Numbers(BaseModel):
    """Who called whom."""

    correlation_id: str = Field(description="Call-ID of its first leg.")
    call_ids: list[str] = Field(description="Call-IDs of its legs, the first leg's first.")
    caller: str
    dialled: str
    number: str = Field(description="The dialled number, normalised.")
    result: str
    duration_ms: int = Field(description="From answer to end; 0 when it was not answered.")
    ring_ms: int
    trunk: str | None


class Cdr(Media, Outcome, Times, Source, Numbers):
    """One call on record."""


class Dialog(BaseModel):
    """What tells one leg from another."""

    call_id: str
    from_tag: str
    to_tag: str
    direction: str
    caller: str
    callee: str
    dialled: str
    target: str
    profile: str = Field(description="RTP profile that was offered.")


class Leg(Media, Outcome, Times, Source, Dialog):
    """One leg of a call on record: one SIP dialog, or the attempt at one."""


class CdrWithLegs(Cdr):
    """One call on record, with all that is known of it."""

    legs: list[Leg]


class ActiveLeg(BaseModel):
    """A dialog of a call that goes on."""

    call_id: str
    from_tag: str
    direction: str
    state: CallState
    caller: str
    dialled: str
    node: str
    source: str
    transport: str
    since: Moment | None = Field(description="When it was begun.")
    answered_at: Moment | None


class ActiveCall(BaseModel):
    """A call that goes on; what it says of itself is its first leg's."""

    id: str = Field(description="Correlation id: the Call-ID of the first leg.")
    caller: str
    dialled: str
    state: CallState
    node: str
    source: str
    transport: str
    since: Moment | None
    answered_at: Moment | None
    legs: list[ActiveLeg]


class ActiveCalls(BaseModel):
    """The calls that go on, newest first."""

    calls: list[ActiveCall]
    live: bool = Field(
        description="False: there are many, and they are as the database has them; "
        "what began or ended in the last 10 s may be wrong."
    )


class HungUp(BaseModel):
    """What became of the order to end a call."""

    id: str
    legs: int = Field(description="Legs that were there.")
    left: int = Field(description="Legs that are still there: their phones do not answer.")
