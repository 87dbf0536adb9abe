"""Times as people write them: ``2h`` ago, or ISO 8601 with a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ringwall.config.types import Duration
from ringwall.errors import BadInput

_FORM = "write 2h or 1d for so long ago, or a time and its zone, as 2030-05-17T08:00:00Z"


def moment(text: str | None, name: str, now: datetime | None = None) -> datetime | None:
    """Return the moment, with a zone; raise ``BadInput`` with the parameter's name.

    ``now`` is what a time ago counts from. A date alone is no moment: it depends on the zone.
    """
    if text is None:
        return None
    try:
        return (now or datetime.now(UTC)) - timedelta(seconds=Duration.parse(text).seconds)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
        found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{name}: {text!r} is no time", _FORM) from None
    if found.tzinfo is None:
        raise BadInput(f"{name}: {text!r} has no zone", _FORM)
    return found


def written(value: datetime) -> str:
    """Return a time as the API and its exports have it: UTC, to the millisecond."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
