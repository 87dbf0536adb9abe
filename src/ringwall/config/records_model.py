"""The part `records` of ringwall.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ringwall.config.section import Section
from ringwall.config.types import Duration, Size

MaxRows = Annotated[int, Field(ge=10_000, le=1_000_000_000)]


class Retention(Section):
    """How long records are kept; null: for ever."""

    cdrs: Duration | None = Field(Duration(400 * 86400), description="Calls.")
    legs: Duration | None = Field(
        Duration(90 * 86400),
        description="Legs of calls. At least a day more than a call can last: the last leg of a "
        "call is added up with those that ended before it.",
    )
    acc: Duration | None = Field(Duration(400 * 86400), description="Kamailio's table `acc`.")
    missed_calls: Duration | None = Field(
        Duration(90 * 86400), description="Kamailio's table `missed_calls`."
    )
    registration_events: Duration | None = Field(
        Duration(30 * 86400), description="Registrations, sent or not."
    )
    verdicts: Duration | None = Field(
        Duration(30 * 86400), description="Refusals, which `ringwall why` explains."
    )


class MaxRowsOf(Section):
    """How many records are kept at most, the newest; null: any number."""

    cdrs: MaxRows | None = Field(10_000_000, description="Calls.")
    legs: MaxRows | None = Field(20_000_000, description="Legs of calls.")
    acc: MaxRows | None = Field(40_000_000, description="Kamailio's table `acc`.")
    missed_calls: MaxRows | None = Field(5_000_000, description="Kamailio's table `missed_calls`.")
    registration_events: MaxRows | None = Field(
        5_000_000, description="Registrations. Those that are not sent yet go last."
    )
    verdicts: MaxRows | None = Field(2_000_000, description="Refusals.")


class Records(Section):
    """Calls, registrations and refusals on record. Surplus rows are removed once a day."""

    enabled: bool = Field(
        True,
        description="false: no call and no registration goes on record, no application is told of "
        "registrations, and calls that are up are forgotten when Kamailio restarts.",
    )
    retention: Retention = Field(Retention(), description="Ages.")
    max_rows: MaxRowsOf = Field(MaxRowsOf(), description="Numbers.")
    mask_numbers_after: Duration | None = Field(
        None,
        examples=["30d"],
        description="Age at which the last three characters of callers and numbers in the "
        "records of calls are replaced by xxx; null: never.",
    )
    spool_size: Size = Field(
        Size(1024),
        examples=["2G"],
        description="Disk space for events that wait while MariaDB is away. When it is used up, "
        "Kamailio keeps what it has, in memory. 1G holds an hour of 200 calls a second.",
    )
