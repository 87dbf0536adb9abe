"""``ringwall bans``: who is kept away, and for how long."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ringwall.cli.context import client
from ringwall.cli.table import moment, plain, span, table
from ringwall.config.types import Duration
from ringwall.errors import BadInput

bans_app = typer.Typer(
    help="Show, make and lift bans, of Kamailio and of the kernel alike.", no_args_is_help=True
)

_HEAD = ("address", "by", "reason", "since (UTC)", "ends in", "times", "kernel", "dropped")
Address = Annotated[str, typer.Argument(help="IP address.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@bans_app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List who is banned now."""
    found = client(context).bans()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(table([_HEAD, *map(_row, found["bans"])]))
    if not found["kernel"]:
        typer.echo("The kernel's guard does not answer: see `docker logs fail2ban`.", err=True)


@bans_app.command()
def add(
    context: typer.Context,
    address: Address,
    for_: Annotated[str, typer.Option("--for", help="How long, as 10m, 1h or 1d.")] = "1h",
    reason: Annotated[str, typer.Option(help="Why, for the list.")] = "by order",
    as_json: Json = False,
) -> None:
    """Ban an address."""
    try:
        seconds = Duration.parse(for_).seconds
    except ValueError as error:
        raise BadInput(f"--for {for_}: {error}") from None
    made = client(context).ban(address, seconds, reason)
    if as_json:
        typer.echo(json.dumps(made, indent=2))
        return
    where = "by Kamailio and the kernel" if made["kernel"] else "by Kamailio alone"
    typer.echo(f"{plain(made['address'])} is banned until {moment(made['until'])} UTC, {where}.")


@bans_app.command()
def remove(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Lift a ban, and forget what led to it: the next packet gets through."""
    done = client(context).unban(address)
    typer.echo(json.dumps(done) if as_json else f"{plain(done['address'])} is not banned.")


def _row(ban: dict[str, Any]) -> tuple[str, ...]:
    left = datetime.fromisoformat(ban["until"]) - datetime.now(UTC)
    return (
        ban["address"],
        ban["by"],
        ban["reason"],
        moment(ban["since"]),
        span(max(0.0, left.total_seconds())),
        str(ban["count"]),
        "yes" if ban["kernel"] else "no",
        "-" if ban["dropped"] is None else str(ban["dropped"]),
    )
