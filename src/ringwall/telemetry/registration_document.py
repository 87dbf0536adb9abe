"""What an external application is told of a registration: the document and its JSON Schema.

``python -m ringwall.telemetry.registration_document docs`` writes the schema into that folder.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from ringwall.telemetry.events import Registration

SCHEMA_FILE = "registration-event.schema.json"
_ID = r"^[0-9a-f]{64}$"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"

Event = Literal["register", "refresh", "unregister", "expire", "replaced", "refused"]
Count = Annotated[int, Field(ge=0)]


class _Schema(GenerateJsonSchema):
    """No titles made up from names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's
        return False


class RegistrationDocument(BaseModel):
    """One event of one registration. Text that a phone chose is as the phone sent it: untrusted.

    Later versions of Ringwall may add members within a version; a reader passes over those
    that it does not know. A member that is removed or changes its meaning raises `version`.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = Field(1, description="Version of this document.")
    id: str = Field(
        pattern=_ID,
        description="Identifies the event: the same in every delivery of it. Deduplicate by it.",
    )
    event: Event = Field(
        description="register: a contact is new. refresh: it was renewed. unregister: the phone "
        "took it back. expire: nobody renewed it, or an operator removed it. replaced: the phone "
        "registered from elsewhere, as the same instance or with the same Contact; the members "
        "tell of what was there before, and register follows for what took its place. refused: a "
        "user that exists was refused (at most one a minute and user)."
    )
    at: str = Field(
        pattern=_TIME,
        description="When it happened: UTC, ISO 8601 with milliseconds, as "
        "2026-11-23T02:04:05.678Z.",
    )
    node: str = Field(description="The SBC that it happened at.")
    user: str = Field(description="User part of the address of record, as 1001.")
    domain: str = Field(description="Domain of the address of record.")
    contact: str = Field(description="The Contact URI; empty where the phone sent none.")
    received: str | None = Field(
        description="Where the phone really is, as a SIP URI, when it is behind a NAT."
    )
    source_address: str | None = Field(
        description="Address that the request came from; null where it is not of this contact "
        "(expire, replaced)."
    )
    source_port: Count | None = Field(description="Its port.")
    transport: str | None = Field(description="udp, tcp, tls, ws or wss.")
    user_agent: str | None = Field(description="The phone's User-Agent.")
    expires: Count | None = Field(
        description="Seconds that the phone asked for; null where it asked for none."
    )
    call_id: str = Field(description="Call-ID of the REGISTER.")
    cseq: Count = Field(description="CSeq number of the REGISTER.")
    reason: str | None = Field(description="Reason code of a refusal, as auth-failed.")


def document_of(event: Registration) -> str:
    """Return the document as JSON text."""
    return RegistrationDocument(
        id=event.event_id,
        event=event.event,
        at=iso(event.at),
        node=event.sbc,
        user=event.user,
        domain=event.domain,
        contact=event.contact,
        received=event.received or None,
        source_address=event.source or None,
        source_port=event.source_port or None,
        transport=event.transport or None,
        user_agent=event.user_agent or None,
        expires=event.expires,
        call_id=event.call_id,
        cseq=event.cseq,
        reason=event.reason or None,
    ).model_dump_json()


def iso(milliseconds: int) -> str:
    """Write milliseconds since the epoch as ISO 8601 in UTC, as the document has it."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def json_schema() -> str:
    """Make the schema that is published."""
    schema = RegistrationDocument.model_json_schema(schema_generator=_Schema, mode="serialization")
    head = {"$schema": GenerateJsonSchema.schema_dialect}
    return json.dumps({**head, **schema}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / SCHEMA_FILE).write_text(json_schema(), encoding="utf-8")
