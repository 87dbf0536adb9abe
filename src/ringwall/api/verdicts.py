"""Why a request was refused: what is on record, in words, and whether its source is held off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, IPvAnyAddress

from ringwall.api.call_models import Moment
from ringwall.api.moments import moment
from ringwall.store.verdicts import Asked, StoredVerdicts, VerdictRow
from ringwall.telemetry.reasons import explained

MAX_ROWS = 1000

Address = Annotated[IPvAnyAddress | None, Query(description="Requests from this address.")]
CallId = Annotated[str | None, Query(description="Requests of this Call-ID.", max_length=1024)]
User = Annotated[str | None, Query(description="Requests in this user's name.", max_length=128)]
Since = Annotated[
    str | None,
    Query(description="`2h` or `1d` ago, or ISO 8601 with a zone; then or later.", max_length=64),
]
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="The last so many.")]


class Verdict(BaseModel):
    """A request that was refused, or the number of those beside one that were like it."""

    id: int
    at: Moment
    sbc_node: str
    reason: str = Field(description="Reason code.")
    action: str = Field(description="refused, dropped (not answered), or scored (let pass).")
    status: int = Field(description="SIP status of the answer; 0: there was none.")
    source_class: str = Field(description="unknown, registered, trunk or pbx.")
    address: str = Field(description="Empty where a number is that of many addresses.")
    port: int
    transport: str
    method: str
    call_id: str = Field(description="Empty where this is a number of requests.")
    user: str = Field(description="User of From.")
    dialled: str = Field(description="User of the request URI.")
    user_agent: str
    count: int = Field(description="So many requests.")


class Explanation(BaseModel):
    """What a reason code means, and what to do about it."""

    meaning: str
    remedy: str


class Held(BaseModel):
    """That a source is held off before anybody looks at its requests."""

    reason: str
    until: Moment | None = Field(description="null: until somebody takes it away.")


class Verdicts(BaseModel):
    """The last refusals, newest first, and what their codes mean."""

    verdicts: list[Verdict]
    reasons: dict[str, Explanation]
    ban: Held | None = Field(None, description="Asked for an address: its ban.")
    block: Held | None = Field(None, description="Asked for an address: its block.")


Standing: TypeAlias = Callable[[str], Held | None]
"""Tells whether an address is held off."""


class VerdictDesk:
    """Answers why; ``ban`` and ``block`` know who is held off, where there is such a thing."""

    def __init__(
        self, store: StoredVerdicts, ban: Standing | None = None, block: Standing | None = None
    ) -> None:
        self._store, self._ban, self._block = store, ban, block

    def why(self, asked: Asked, limit: int) -> Verdicts:
        """Return the last refusals."""
        found = [_verdict(row) for row in self._store.recent(asked, limit)]
        reasons = {code: _explanation(code) for code in sorted({each.reason for each in found})}
        ban = self._ban(asked.address) if self._ban and asked.address else None
        block = self._block(asked.address) if self._block and asked.address else None
        return Verdicts(verdicts=found, reasons=reasons, ban=ban, block=block)


def routes(desk: VerdictDesk) -> APIRouter:
    """Return the path /verdicts."""
    router = APIRouter(tags=["verdicts"])

    @router.get("", response_model_exclude_defaults=True)
    def why(
        *,
        address: Address = None,
        call_id: CallId = None,
        user: User = None,
        since: Since = None,
        limit: Limit = 50,
    ) -> Verdicts:
        """List the last refusals, newest first, and explain them."""
        begin = moment(since, "since", datetime.now(UTC))
        source = None if address is None else str(address)
        return desk.why(Asked(source, call_id, user, begin), limit)

    return router


def _verdict(row: VerdictRow) -> Verdict:
    told = {name: row[name] for name in row.keys() & Verdict.model_fields}
    return Verdict(
        status=row["sip_code"],
        source_class=row["class"],
        address=row["source_address"],
        port=row["source_port"],
        **told,
    )


def _explanation(code: str) -> Explanation:
    reason = explained(code)
    return Explanation(meaning=reason.meaning, remedy=reason.remedy)
