"""``ringwall calls``: the calls that go on."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ringwall.cli.context import client
from ringwall.cli.table import moment, plain, span, table
from ringwall.errors import BadInput

calls_app = typer.Typer(help="Show and end the calls that go on.", no_args_is_help=True)

_HEAD = ("since (UTC)", "caller", "dialled", "state", "for", "node", "source", "id")
_LEG_HEAD = ("leg", "caller", "dialled", "state", "source", "transport", "Call-ID")

CallId = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the call, or Call-ID of any of its legs.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@calls_app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List the calls that ring or were answered, newest first."""
    found = client(context).calls()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(table([_HEAD, *map(_row, found["calls"])]))
    if not found["live"]:
        typer.echo("There are many: this is how it was up to 10 s ago.", err=True)


@calls_app.command()
def show(context: typer.Context, call: CallId, as_json: Json = False) -> None:
    """Show a call with its legs."""
    found = client(context).call(call)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(table([_HEAD, _row(found)]))
    typer.echo("\n" + table([_LEG_HEAD, *map(_leg, found["legs"])]))


@calls_app.command()
def hangup(
    context: typer.Context,
    call: CallId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """End a call on all sides."""
    api = client(context)
    if not yes and not _agreed(api.call(call)):
        typer.echo("The call goes on.", err=True)
        raise typer.Exit(1)
    done = api.hang_up(call)
    if as_json:
        typer.echo(json.dumps(done, indent=2))
    elif not done["left"]:
        typer.echo(f"Ended {plain(done['id'])}.")
    if done["left"]:
        typer.echo(
            f"{done['left']} of {done['legs']} legs are left: a phone does not answer. "
            "Kamailio gives it up by itself.",
            err=True,
        )
        raise typer.Exit(1)


def _agreed(call: dict[str, Any]) -> bool:
    if not sys.stdin.isatty():
        raise BadInput("ending a call needs your word for it", "add --yes")
    return typer.confirm(plain(f"End the call from {call['caller']} to {call['dialled']}?"))


def _row(call: dict[str, Any]) -> tuple[str, ...]:
    return (
        moment(call["since"]),
        call["caller"] or "-",
        call["dialled"] or "-",
        call["state"],
        _age(call["answered_at"]),
        call["node"] or "-",
        call["source"] or "-",
        call["id"],
    )


def _leg(leg: dict[str, Any]) -> tuple[str, ...]:
    shown = ("direction", "caller", "dialled", "state", "source", "transport", "call_id")
    return tuple(leg[name] or "-" for name in shown)


def _age(answered_at: str | None) -> str:
    if answered_at is None:
        return "-"
    return span(max(0, (datetime.now(UTC) - datetime.fromisoformat(answered_at)).total_seconds()))
