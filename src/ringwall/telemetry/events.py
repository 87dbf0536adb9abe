"""What Kamailio tells of: a dialog that goes on, a leg at its end, a registration, a refusal.

One event is one line of JSON. Numbers may come as text, and "" is what is not known. Text that a
stranger chose is base64: it may hold any bytes. Nothing a stranger chose can keep a call off
the record: what is too long is cut, or, where it identifies something, shortened to a digest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

MAX_LINE = 64 * 1024
_LAST_MOMENT = 4_102_444_800_000  # the year 2100: whatever tells a later one has no clock
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all times are UTC, kept without a zone


class BadEvent(Exception):
    """A line that is no event; its text is one line that says why."""


def _decoded(value: object) -> object:
    """Undo base64. What is no UTF-8 becomes visible, and different bytes stay different."""
    if not isinstance(value, str):
        return value
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8", "backslashreplace")
    except (binascii.Error, ValueError) as error:
        raise ValueError("is no base64") from error
    return text.replace("\0", "\\x00")


def _cut(length: int) -> Callable[[object], object]:
    return lambda value: value[:length] if isinstance(value, str) else value


def _digested(length: int) -> Callable[[object], object]:
    """Shorten so that different texts stay different."""

    def shorten(value: object) -> object:
        if not isinstance(value, str) or len(value) <= length:
            return value
        digest = hashlib.sha256(value.encode()).hexdigest()
        return f"{value[: length - len(digest) - 1]}~{digest}"

    return shorten


def _number(value: object) -> object:
    """Read digits; "" is None."""
    if value == "":
        return None
    if isinstance(value, str) and re.fullmatch("[0-9]{1,15}", value):
        return int(value)
    return value


def _or_zero(value: object) -> object:
    number = _number(value)
    return 0 if number is None else number


def _moment(value: object) -> object:
    return _number(value) or None


def _figure(most: float) -> Callable[[object], object]:
    """A figure of the media: one that makes no sense is unknown, and the call counts all the same.

    Two decimals are what the tables hold.
    """

    def read(value: object) -> object:
        try:
            figure = round(float(value), 2) if isinstance(value, str | int | float) else -1.0
        except (ValueError, OverflowError):
            return None
        return figure if 0 <= figure <= most else None

    return read


def _address(value: object) -> object:
    """Write an address the one way in which it is looked for: Kamailio does not shorten IPv6."""
    try:
        return str(ip_address(value)) if isinstance(value, str) else value
    except ValueError:
        return ""


def _seconds(value: object) -> object:
    """An expiry as the phone wrote it: digits, or anything else."""
    text = _decoded(value)
    return _number(text) if re.fullmatch("[0-9]{1,10}", str(text)) else None


Word = Annotated[str, BeforeValidator(_cut(64))]
Address = Annotated[str, BeforeValidator(_cut(45))]
Source = Annotated[str, BeforeValidator(_address)]
Transport = Annotated[str, BeforeValidator(_cut(8))]
Hangup = Annotated[str, BeforeValidator(_cut(16))]
# The validator that stands last runs first.
CallId = Annotated[str, BeforeValidator(_digested(255)), BeforeValidator(_decoded)]
Tag = Annotated[str, BeforeValidator(_digested(128)), BeforeValidator(_decoded)]
User = Annotated[str, BeforeValidator(_cut(64)), BeforeValidator(_decoded)]
Dialled = Annotated[str, BeforeValidator(_cut(128)), BeforeValidator(_decoded)]
Profile = Annotated[str, BeforeValidator(_cut(32)), BeforeValidator(_decoded)]
Uri = Annotated[str, BeforeValidator(_cut(512)), BeforeValidator(_decoded)]

# What must not be cut: as wide as Kamailio's columns are.
Text128 = Annotated[str, Field(max_length=128), BeforeValidator(_decoded)]
Text255 = Annotated[str, Field(max_length=255), BeforeValidator(_decoded)]
Variable = Annotated[str, Field(max_length=512), BeforeValidator(_decoded)]

Port = Annotated[int, Field(ge=0, le=65535), BeforeValidator(_or_zero)]
Code = Annotated[int, Field(ge=0, le=699), BeforeValidator(_or_zero)]
Count = Annotated[int, Field(ge=0, le=2**32 - 1), BeforeValidator(_or_zero)]
Requests = Annotated[int, Field(ge=1, le=2**32 - 1), BeforeValidator(_number)]
Seconds = Annotated[int | None, BeforeValidator(_seconds)]
Moment = Annotated[int, Field(ge=1, le=_LAST_MOMENT), BeforeValidator(_number)]
Known = Annotated[
    Annotated[int, Field(ge=1, le=_LAST_MOMENT)] | None, BeforeValidator(_moment)
]  # fmt: skip
Mos = Annotated[float | None, BeforeValidator(_figure(5))]
Percent = Annotated[float | None, BeforeValidator(_figure(100))]
Milliseconds = Annotated[float | None, BeforeValidator(_figure(99_999))]


class _Told(BaseModel):
    """Unknown keys are let pass: a newer Kamailio may tell more."""

    model_config = ConfigDict(frozen=True, strict=True)

    v: Literal[1]
    sbc: Word


class Media(BaseModel):
    """What RTPengine measured: MOS from 1 to 5, loss in percent, times in milliseconds."""

    model_config = ConfigDict(frozen=True, strict=True)

    mos_average: Mos = None
    mos_min: Mos = None
    loss: Percent = None
    jitter: Milliseconds = None
    loss_caller: Percent = None
    loss_callee: Percent = None
    jitter_caller: Milliseconds = None
    jitter_callee: Milliseconds = None
    round_trip: Milliseconds = None


class Dialog(_Told):
    """A leg that has been answered, or has changed since: what Kamailio must know to go on with it.

    What Kamailio compares with requests is as it was in them, or the event is none. ``started``
    is in seconds since the epoch, ``lifetime`` in seconds.
    """

    kind: Literal["dialog"]
    entry: Count
    number: Count
    correlation: Variable
    call_id: Text255 = Field(min_length=1)
    from_tag: Text128
    to_tag: Text128
    direction: Literal["from-user", "to-user", "pbx-pbx"]
    caller: Variable
    dialled: Variable
    source: Address
    source_port: Word
    transport: Transport
    target: Variable
    pbx: Word
    node_uri: Word
    held: Word = ""
    invited: Word
    ringing: Word
    answered: Word
    profile: Variable
    from_uri: Text255
    to_uri: Text255
    caller_cseq: Word
    callee_cseq: Word
    caller_contact: Text255
    callee_contact: Text255
    caller_route_set: Variable
    callee_route_set: Variable
    caller_socket: Word
    callee_socket: Word
    started: Count
    lifetime: Count


class Leg(_Told):
    """A leg that has ended: answered, failed, cancelled, or refused.

    Times are milliseconds since the epoch, UTC; None is "not known" or "never". ``entry`` and
    ``number`` are where Kamailio had its dialog.
    """

    kind: Literal["leg"]
    entry: Count = 0
    number: Count = 0
    correlation: CallId = ""
    call_id: CallId = Field(min_length=1)
    from_tag: Tag = ""
    to_tag: Tag = ""
    direction: Literal["from-user", "to-user", "pbx-pbx"]
    caller: Dialled = ""
    callee: Dialled = ""
    dialled: Dialled = ""
    source: Address = ""
    source_port: Port = 0
    transport: Transport = ""
    target: Dialled = ""
    pbx: Word = ""
    invited: Known = None
    ringing: Known = None
    answered: Known = None
    ended: Moment
    code: Code = 0
    reason: Word = ""
    hangup: Hangup = ""
    codec: Profile = ""
    profile: Profile = ""
    media: Media = Media()

    @model_validator(mode="after")
    def _alone_it_is_its_own_call(self) -> Self:
        if not self.correlation:
            object.__setattr__(self, "correlation", self.call_id)  # frozen for everyone else
        return self

    @property
    def srtp(self) -> bool:
        """Whether the media at the edge was encrypted."""
        return "SAVP" in self.profile.upper()


class Registration(_Told):
    """A registration that was made, renewed, ended, replaced, or refused.

    ``at`` is in milliseconds since the epoch, UTC; ``expires`` is what the phone asked for, in
    seconds, None where that was no number.
    """

    kind: Literal["registration"]
    event: Literal["register", "refresh", "unregister", "expire", "replaced", "refused"]
    user: User = Field(min_length=1)
    domain: Word
    contact: Uri = ""
    received: Uri = ""
    source: Address = ""
    source_port: Port = 0
    transport: Transport = ""
    user_agent: Dialled = ""
    expires: Seconds = None
    call_id: CallId = ""
    cseq: Count = 0
    at: Moment
    reason: Word = ""

    @property
    def event_id(self) -> str:
        """64 hex digits: the same for the same event however often it is told."""
        parts = (
            self.user, self.domain, self.contact, self.call_id, self.cseq, self.event, self.at
        )  # fmt: skip
        return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


class Verdict(_Told):
    """A request that was refused, dropped, or scored; or how many were beside those told of.

    A number has neither Call-ID nor user, and no ``source`` where it is that of many addresses.
    ``window`` is the span of time that it counts, a number of Kamailio's own.
    """

    kind: Literal["verdict"]
    at: Moment
    window: Count
    reason: Word = Field(min_length=1)
    action: Literal["refused", "dropped", "scored"]
    code: Code = 0
    class_: Hangup = Field("", alias="class")
    source: Source = ""
    source_port: Port = 0
    transport: Transport = ""
    method: Profile = ""
    call_id: CallId = ""
    user: Dialled = ""
    dialled: Dialled = ""
    user_agent: Dialled = ""
    count: Requests = 1

    @property
    def event_id(self) -> str:
        """64 hex digits: the same for the same event however often it is told."""
        parts = (
            self.sbc, self.window, self.at, self.reason, self.action, self.code, self.class_,
            self.source, self.source_port, self.call_id, self.count,
        )  # fmt: skip
        return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


Event: TypeAlias = Dialog | Leg | Registration | Verdict
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def parse(line: bytes) -> Event:
    """Read one line; raise ``BadEvent``."""
    if len(line) > MAX_LINE:
        raise BadEvent(f"has {len(line)} bytes, more than {MAX_LINE}")
    try:
        return _EVENT.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadEvent(f"{place}: {first['msg']}") from error


def moment(milliseconds: int) -> datetime:
    """Return the time as the tables hold it: UTC, without a zone."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
