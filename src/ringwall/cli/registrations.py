"""``ringwall registrations``: which phones are registered, and which were."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from ringwall.cli.client import ApiClient
from ringwall.cli.context import client
from ringwall.cli.table import moment, plain, span, table
from ringwall.errors import BadInput

registrations_app = typer.Typer(
    help="Show and remove registrations, and what happened to them.", no_args_is_help=True
)

_PAGE = 1000
_HEAD = ("user", "contact", "behind NAT at", "over", "expires in", "User-Agent")
_PAST_HEAD = ("time (UTC)", "user", "event", "from", "over", "contact", "User-Agent")

User = Annotated[str | None, typer.Argument(help="This user alone.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Time = "2h or 1d ago, or a time with its zone, as 2030-05-17T08:00:00Z."


@registrations_app.command("list")
def list_all(
    context: typer.Context,
    user: User = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Lines at most.")] = 10_000,
    as_json: Json = False,
) -> None:
    """List the phones that are registered now."""
    found = client(context).registrations(_given(user=user, limit=limit))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(table([_HEAD, *map(_row, found["registrations"])]))
    if not found["live"]:
        typer.echo("As Kamailio last wrote them to the database, up to 10 s ago.", err=True)


@registrations_app.command()
def history(  # noqa: PLR0913 - one an option
    context: typer.Context,
    *,
    user: User = None,
    since: Annotated[str | None, typer.Option(help=f"Then or later: {Time}")] = None,
    until: Annotated[str | None, typer.Option(help=f"Before that: {Time}")] = None,
    event: Annotated[
        str | None,
        typer.Option(help="register, refresh, unregister, expire, replaced or refused."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Lines at most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines.")] = False,
) -> None:
    """List what happened to registrations, the newest first."""
    wanted = _given(user=user, since=since, until=until, event=event)
    events = _events(client(context), wanted, limit)
    if as_json:
        for each in events:
            typer.echo(json.dumps(each))
        return
    typer.echo(table([_PAST_HEAD, *map(_past, events)]))


@registrations_app.command()
def remove(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="User whose registrations to remove.")],
    contact: Annotated[
        str | None, typer.Argument(help="This contact alone, as `list` shows it.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove one contact of a user, or all; the phone may register again."""
    if not yes and not _agreed(user, contact):
        typer.echo("Nothing was removed.", err=True)
        raise typer.Exit(1)
    done = client(context).remove_registration(user, contact)
    if as_json:
        typer.echo(json.dumps(done, indent=2))
        return
    for each in done["contacts"]:
        typer.echo(f"Removed {plain(each)} of {plain(done['user'])}.")


def _events(api: ApiClient, wanted: dict[str, str], limit: int) -> Iterator[dict[str, Any]]:
    while limit > 0:
        page = api.registration_history({**wanted, "limit": str(min(limit, _PAGE))})
        yield from page["events"]
        limit -= len(page["events"])
        if page["next"] is None:
            return
        wanted = {**wanted, "before": page["next"]}


def _given(**wanted: str | int | None) -> dict[str, str]:
    return {name: str(value) for name, value in wanted.items() if value is not None}


def _agreed(user: str, contact: str | None) -> bool:
    if not sys.stdin.isatty():
        raise BadInput("removing a registration needs your word for it", "add --yes")
    return typer.confirm(plain(f"Remove {contact or 'all registrations'} of {user}?"))


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    transport = (each["socket"] or "-").partition(":")[0]
    return (
        each["user"],
        each["contact"],
        each["received"] or "-",
        transport,
        span(each["expires"]),
        each["user_agent"] or "-",
    )


def _past(each: dict[str, Any]) -> tuple[str, ...]:
    source = each["source_address"]
    event = f"{each['event']} ({each['reason']})" if each["reason"] else each["event"]
    return (
        moment(each["at"]),
        each["user"],
        event,
        f"{source}:{each['source_port']}" if source else "-",
        each["transport"] or "-",
        each["contact"] or "-",
        each["user_agent"] or "-",
    )
