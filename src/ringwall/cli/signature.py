"""``ringwall signature``: the keys of official clients."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from ringwall.cli.context import workspace
from ringwall.cli.table import table
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput
from ringwall.runtime import lock
from ringwall.security import signature_keys
from ringwall.security.signature_keys import Keys, SigningKey

signature_app = typer.Typer(
    help="Show, make and retire the keys of X-Company-Signature.", no_args_is_help=True
)


@signature_app.command("keys")
def list_keys(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--show", help="The keys themselves, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """List the keys that are good, the newest last."""
    rows = [_row(one, show) for one in signature_keys.read(workspace(context).secrets).good]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif rows:
        typer.echo(table([tuple(rows[0]), *(tuple(row.values()) for row in rows)]))
    else:
        typer.echo("There is none yet; `ringwall signature rotate` makes the first.", err=True)


@signature_app.command()
def rotate(
    context: typer.Context,
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the key from standard input.")
    ] = False,
) -> None:
    """Add a key; the one before stays good until it is retired. Works at once."""
    given = _given() if key_stdin else None
    place = workspace(context)
    with lock.held(place.lock):
        keys = signature_keys.read(place.secrets).added(datetime.now(UTC), given)
        _put(place, keys)
    made = keys.good[-1]
    typer.echo(f"Added {made.kid}; good are {', '.join(one.kid for one in keys.good)}.")
    if given is None:
        typer.echo(f"Key: {made.key}")


@signature_app.command()
def retire(
    context: typer.Context, kid: Annotated[str, typer.Argument(help="As k1, from `keys`.")]
) -> None:
    """Refuse a key from now on."""
    place = workspace(context)
    with lock.held(place.lock):
        keys = signature_keys.read(place.secrets).retired(kid)
        _put(place, keys)
    typer.echo(f"Retired {kid}; good is {keys.good[0].kid}.")


def _put(place: Workspace, keys: Keys) -> None:
    mode = place.load_settings().security.signature.mode
    signature_keys.write(place.secrets, keys)
    signature_keys.hand_over(place.secrets, mode)
    if mode == "off":
        typer.echo(
            "Nobody is asked for one yet: set security.signature.mode, then `ringwall up`.",
            err=True,
        )


def _given() -> str:
    key = sys.stdin.readline().rstrip("\r\n")
    if not key:
        raise BadInput("there is no key on standard input", "echo it into the command")
    return key


def _row(one: SigningKey, show: bool) -> dict[str, str]:
    return {name: value for name, value in asdict(one).items() if show or name != "key"}
