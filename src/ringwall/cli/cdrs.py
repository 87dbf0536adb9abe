"""``ringwall cdrs``: the calls on record."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from ringwall.cli.context import client
from ringwall.cli.table import moment, plain, span, table
from ringwall.errors import BadInput
from ringwall.security import files

cdrs_app = typer.Typer(help="Show and export the calls on record.", no_args_is_help=True)

_HEAD = ("time (UTC)", "caller", "dialled", "result", "code", "duration", "node", "hung up", "MOS")
_MAX_LISTED = 1000


class Result(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    BUSY = "busy"
    CANCELLED = "cancelled"
    FAILED = "failed"
    REFUSED = "refused"


class Format(StrEnum):
    """Forms of an export."""

    CSV = "csv"
    JSONL = "jsonl"


_WHEN = "2h or 1d ago, or a time and its zone, as 2030-05-17T08:00:00Z."
Since = Annotated[str | None, typer.Option("--since", help=f"Calls from then on: {_WHEN}")]
Until = Annotated[str | None, typer.Option("--until", help=f"Calls before that: {_WHEN}")]
User = Annotated[str | None, typer.Option("--user", help="Calls from or to this subscriber.")]
Number = Annotated[
    str | None, typer.Option("--number", help="Dialled number; '4930*': all that begin so.")
]
Node = Annotated[str | None, typer.Option("--node", help="PBX node that had the call.")]
How = Annotated[Result | None, typer.Option("--result", help="How it ended.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@cdrs_app.command("list")
def recent(  # noqa: PLR0913 - one an option
    context: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    user: User = None,
    number: Number = None,
    node: Node = None,
    result: How = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=_MAX_LISTED, help="The last so many.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """List the last calls, newest first."""
    wanted = _wanted(since=since, until=until, user=user, number=number, node=node, result=result)
    found = client(context).cdrs(wanted | {"limit": str(limit)})
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(table([_HEAD, *map(_row, found)]))
    if len(found) == limit:
        typer.echo(f"These are the last {limit}; `ringwall cdrs export` has all.", err=True)


@cdrs_app.command()
def show(
    context: typer.Context,
    call: Annotated[str, typer.Argument(help="Correlation id, or Call-ID of any leg.")],
    as_json: Json = False,
) -> None:
    """Show all that is on record of one call, its legs included."""
    found = client(context).cdr(call)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    legs = found.pop("legs")
    typer.echo(_facts(found))
    for number, leg in enumerate(legs, 1):
        typer.echo(f"\nLeg {number}\n{_facts(leg)}")


@cdrs_app.command()
def export(  # noqa: PLR0913 - one an option
    context: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    user: User = None,
    number: Number = None,
    node: Node = None,
    result: How = None,
    form: Annotated[Format, typer.Option("--format", help="CSV, or JSON Lines.")] = Format.CSV,
    out: Annotated[
        Path | None, typer.Option("--out", help="A new file; it is there when it is whole.")
    ] = None,
) -> None:
    """Write all calls, each once. In CSV, texts that a spreadsheet would run begin with '."""
    wanted = _wanted(since=since, until=until, user=user, number=number, node=node, result=result)
    with (
        _sink(out) as sink,
        client(context).export_cdrs(wanted | {"format": form.value}) as chunks,
    ):
        for chunk in chunks:
            sink.write(chunk)


def _wanted(**filters: str | None) -> dict[str, str]:
    return {name: str(value) for name, value in filters.items() if value is not None}


@contextmanager
def _sink(out: Path | None) -> Iterator[BinaryIO]:
    """Open where an export goes. Who called whom is nobody else's business: mode 0600."""
    if out is None:
        yield sys.stdout.buffer
        return
    if out.exists():
        raise BadInput(f"{out}: exists already", "name a new file")
    with files.stream(out, 0o600) as file:
        yield file


def _row(call: dict[str, Any]) -> tuple[str, ...]:
    mos = call["mos_average"]
    return (
        moment(call["invited_at"]),
        call["caller"],
        call["dialled"],
        call["result"],
        " ".join(filter(None, (str(call["sip_code"]), call["reason"]))),
        span(call["duration_ms"] / 1000) if call["answered_at"] else "-",
        call["pbx_node"] or "-",
        call["hangup_by"] or "-",
        "-" if mos is None else f"{mos:.1f}",
    )


def _facts(record: dict[str, Any]) -> str:
    """Return a line for each thing that is known."""
    known = {key: value for key, value in record.items() if value not in (None, "", [])}
    width = max(map(len, known))
    return "\n".join(f"  {key:{width}}  {_text(value)}" for key, value in known.items())


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(", ".join(value) if isinstance(value, list) else str(value))
