"""``ringwall block``: addresses and networks that are kept out, or always let in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ringwall.cli.accounts_file import FileErrors
from ringwall.cli.client import RowsRefused
from ringwall.cli.context import client
from ringwall.cli.table import moment, plain, span, table
from ringwall.config.types import Duration
from ringwall.errors import BadInput

block_app = typer.Typer(
    help="Block addresses and networks for good or for a time; allow some whatever happens.",
    no_args_is_help=True,
)

_HEAD = ("target", "action", "since (UTC)", "ends in", "comment")
_LARGEST = 10 * 1024 * 1024  # what the API takes
Target = Annotated[str, typer.Argument(help="Address, or network as 198.51.100.0/24.")]
Comment = Annotated[str, typer.Option("--comment", "-c", help="Why, for the list.")]
For = Annotated[
    str | None, typer.Option("--for", help="How long, as 12h or 30d; else until it is removed.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@block_app.command()
def add(
    context: typer.Context,
    target: Target,
    comment: Comment = "",
    for_: For = None,
    as_json: Json = False,
) -> None:
    """Block an address or a network: it gets no answer."""
    made = client(context).put_block(target, "block", comment, _seconds(for_))
    _show(made, f"{plain(made['target'])} is blocked{_until(made)}.", as_json)


@block_app.command()
def allow(
    context: typer.Context,
    target: Target,
    comment: Comment = "",
    for_: For = None,
    as_json: Json = False,
) -> None:
    """Never block nor ban an address or a network, whatever a wider entry says."""
    made = client(context).put_block(target, "allow", comment, _seconds(for_))
    _show(made, f"{plain(made['target'])} is allowed{_until(made)}.", as_json)


@block_app.command()
def remove(context: typer.Context, target: Target, as_json: Json = False) -> None:
    """Take an entry off the list: the next packet gets through."""
    done = client(context).remove_block(target)
    _show(done, f"{plain(done['target'])} is off the list.", as_json)


@block_app.command("list")
def list_all(
    context: typer.Context,
    address: Annotated[
        str | None, typer.Argument(help="Only the entries that this address is in.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what is blocked and what is allowed."""
    found = client(context).blocks(address)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(table([_HEAD, *map(_row, found["blocks"])]))
    if not found["enabled"]:
        typer.echo("The list is switched off: security.blocklist.enabled.", err=True)
    if not found["kernel"]:
        typer.echo("The kernel does not have it yet: see `docker logs fail2ban`.", err=True)


@block_app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="An address or a network a line; a comment after #.")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Unblock what the file does not name.")
    ] = False,
    for_: For = None,
    as_json: Json = False,
) -> None:
    """Block all that a file names, or nothing: then every faulty line is told."""
    seconds, api = _seconds(for_), client(context)
    try:
        if file.stat().st_size > _LARGEST:
            raise BadInput(f"{file}: exceeds {_LARGEST} bytes", "shorten its comments, or split it")
        with file.open("rb") as lines:
            done = api.import_blocks(lines, replace, seconds)
    except RowsRefused as error:
        raise FileErrors(file, error.rows.items()) from None
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})", "name a text file") from error
    _show(done, _imported(done), as_json)


def _imported(done: dict[str, Any]) -> str:
    said = f"Added {done['added']}, removed {done['removed']}; {done['entries']} are on the list."
    if done["allowed"]:
        said += f" {done['allowed']} of the file are on the allowlist, and stay allowed."
    return said


def _seconds(for_: str | None) -> int | None:
    if for_ is None:
        return None
    try:
        return Duration.parse(for_).seconds
    except ValueError as error:
        raise BadInput(f"--for {for_}: {error}") from None


def _until(made: dict[str, Any]) -> str:
    return f" until {moment(made['until'])} UTC" if made["until"] else ""


def _show(answer: dict[str, Any], done: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    typer.echo(done)
    for warning in answer["warnings"]:
        typer.echo(f"Warning: {plain(warning)}", err=True)


def _row(block: dict[str, Any]) -> tuple[str, ...]:
    left = "-"
    if block["until"]:
        until = datetime.fromisoformat(block["until"]) - datetime.now(UTC)
        left = span(max(0.0, until.total_seconds()))
    return (block["target"], block["action"], moment(block["since"]), left, block["comment"])
