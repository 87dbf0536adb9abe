"""``ringwall pushes``: what an external application is told of registrations."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, Literal

import typer

from ringwall.cli.context import client
from ringwall.cli.table import moment, plain, span, table
from ringwall.errors import BadInput

pushes_app = typer.Typer(
    help="Show, resend and give up what your application is told of registrations.",
    no_args_is_help=True,
)

_HEAD = ("id", "event at (UTC)", "user", "event", "state", "tried", "last error")
State = Literal["pending", "sent", "parked", "none"]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Number = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `list` shows it.")]


@pushes_app.command("list")
def list_all(
    context: typer.Context,
    state: Annotated[State | None, typer.Option(help="This state alone.")] = None,
    user: Annotated[str | None, typer.Option(help="This user alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Lines at most.")] = 50,
    as_json: Json = False,
) -> None:
    """Tell how the outbox is doing, and list its newest events."""
    wanted = {"limit": str(limit)}
    wanted |= {} if state is None else {"state": state}
    wanted |= {} if user is None else {"user": user}
    found = client(context).pushes(wanted)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(_summary(found["status"]))
    typer.echo("\n" + table([_HEAD, *map(_row, found["pushes"])]))


@pushes_app.command()
def show(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show one event, with the document that is sent."""
    found = client(context).push(number)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(table([_HEAD, _row(found)]))
    typer.echo(f"\nIdempotency-Key: {found['event_id']}")
    typer.echo(f"Queued: {moment(found['queued_at'])}")
    typer.echo(f"Next attempt: {moment(found['next_attempt_at'])}")
    typer.echo(f"Sent: {moment(found['sent_at'])}")
    # JSON escapes whatever could steer the terminal.
    typer.echo("\n" + json.dumps(found["document"], indent=2))


@pushes_app.command()
def retry(
    context: typer.Context,
    number: Annotated[
        int | None, typer.Argument(metavar="[ID]", min=1, help="One; left out: all parked.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send one, or all that are parked, again, now."""
    changed = client(context).retry_pushes(number)
    if as_json:
        typer.echo(json.dumps({"pushes": changed}))
    elif number is not None and not changed:
        typer.echo(f"{number} was sent already, or is not to be sent.", err=True)
        raise typer.Exit(1)
    else:
        typer.echo(f"{changed} will be sent again.")


@pushes_app.command()
def purge(
    context: typer.Context,
    state: Annotated[
        Literal["parked", "pending"], typer.Option(help="Which: those parked, or those waiting.")
    ] = "parked",
    older_than: Annotated[
        str | None, typer.Option(help="Only those queued before: 2h or 1d ago, or a time.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Never send what is parked; it stays in the history of registrations."""
    if not yes and not _agreed(state):
        typer.echo("Nothing was purged.", err=True)
        raise typer.Exit(1)
    changed = client(context).purge_pushes(state, older_than)
    typer.echo(json.dumps({"pushes": changed}) if as_json else f"{changed} will never be sent.")


def _agreed(state: str) -> bool:
    if not sys.stdin.isatty():
        raise BadInput("purging needs your word for it", "add --yes")
    return typer.confirm(f"Never tell your application of the events that are {state}?")


def _summary(status: dict[str, Any]) -> str:
    """Write what matters on two lines."""
    if not status["enabled"]:
        lines = ["Nobody is told: telemetry.registrations.url is not set."]
    elif status["away_since"]:
        since = moment(status["away_since"])
        lines = [f"Your application is away since {since} (UTC): {plain(status['last_error'])}"]
    else:
        lines = ["Your application answers." if status["sent_total"] else "Nothing was sent yet."]
    lag = f", the oldest for {span(status['lag_seconds'])}" if status["pending"] else ""
    lines.append(f"{status['pending']} wait{lag}; {status['parked']} are parked.")
    return "\n".join(lines)


def _row(push: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(push["id"]),
        moment(push["at"]),
        push["user"],
        push["event"],
        push["state"],
        str(push["attempts"]),
        push["last_error"] or "-",
    )
