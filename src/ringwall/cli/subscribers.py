"""``ringwall subscribers``: who may register and call."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ringwall.cli import accounts_file
from ringwall.cli.client import RowsRefused
from ringwall.cli.context import client, workspace
from ringwall.errors import BadInput
from ringwall.security import files

subscribers_app = typer.Typer(
    help="Add, list and remove subscribers of the running system.", no_args_is_help=True
)

Username = Annotated[str, typer.Argument(help="Name or number, as 1001 or alice.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@subscribers_app.command()
def add(
    context: typer.Context,
    username: Username,
    password_stdin: FromStdin = False,
    group: Annotated[
        str | None, typer.Option(help="As security.signature.groups names it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a subscriber; without --password-stdin a password is made and shown once."""
    answer = client(context).add_subscriber(username, _password(password_stdin), group)
    _warn_of_group(context, group)
    _show(answer, f"Added {username}@{answer['domain']}.", as_json)


@subscribers_app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List all subscribers, and whether a phone is registered."""
    found = client(context).subscribers()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    words = {True: "registered", False: "-", None: "unknown"}
    width = max((len(each["username"]) for each in found), default=0)
    for each in found:
        of_group = f"  {each['group']}" if each.get("group") else ""
        locked = "  locked out" if each.get("locked_out") else ""
        typer.echo(f"{each['username']:{width}}  {words[each['registered']]}{of_group}{locked}")
    if not found:
        typer.echo("There are none yet; `ringwall subscribers add 1001` adds one.", err=True)


@subscribers_app.command()
def passwd(
    context: typer.Context,
    username: Username,
    password_stdin: FromStdin = False,
    as_json: Json = False,
) -> None:
    """Set a subscriber's password; without --password-stdin one is made and shown once."""
    answer = client(context).set_password(username, _password(password_stdin))
    _show(answer, f"Changed the password of {username}@{answer['domain']}.", as_json)


@subscribers_app.command()
def unlock(context: typer.Context, username: Username, as_json: Json = False) -> None:
    """Let a subscriber in from anywhere, whoever guessed the password."""
    answer = client(context).unlock(username)
    _show(answer, f"{username}@{answer['domain']} is not locked out.", as_json)


@subscribers_app.command()
def group(
    context: typer.Context,
    username: Username,
    name: Annotated[
        str | None, typer.Argument(metavar="GROUP", help="Left out: of no group.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a subscriber one of a group, or of none: what is asked of them depends on it."""
    answer = client(context).put_into_group(username, name)
    _warn_of_group(context, name)
    of = f"of the group {name}" if name else "of no group"
    _show(answer, f"{username}@{answer['domain']} is {of} now.", as_json)


@subscribers_app.command()
def remove(
    context: typer.Context,
    username: Username,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a subscriber and its registrations."""
    if not yes and not _agreed(username):
        typer.echo("Nothing was removed.", err=True)
        raise typer.Exit(1)
    answer = client(context).remove_subscriber(username)
    _show(answer, f"Removed {username}@{answer['domain']}.", as_json)


@subscribers_app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with the header username,password.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write the passwords that were made here, not to the screen."),
    ] = None,
) -> None:
    """Add all subscribers of a CSV file, or none; an empty password is made and shown once."""
    rows = accounts_file.read(file)
    api = client(context)
    with _claimed(out):
        try:
            answer = api.import_subscribers([(row.username, row.password) for row in rows])
        except RowsRefused as error:
            lines = [(rows[row - 1].line, fault) for row, fault in error.rows.items()]
            raise accounts_file.FileErrors(file, lines) from None
    _hand_out(answer["subscribers"], out)
    typer.echo(f"Added {len(rows)} subscribers.", err=True)
    _warn(answer)


def _password(from_stdin: bool) -> str | None:
    if not from_stdin:
        return None
    try:
        password = sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadInput("the password on standard input is not UTF-8") from error
    if not password:
        raise BadInput("there is no password on standard input", "echo it into the command")
    return password


def _agreed(username: str) -> bool:
    if not sys.stdin.isatty():
        raise BadInput(f"removing {username} needs your word for it", "add --yes")
    return typer.confirm(f"Remove {username} and its registrations?")


def _show(answer: dict[str, Any], done: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    typer.echo(done)
    if answer.get("password"):
        typer.echo(f"Password: {answer['password']} (shown this once)")
    if answer.get("pin"):
        typer.echo(f"Mailbox PIN: {answer['pin']}")
    _warn(answer)


def _warn_of_group(context: typer.Context, name: str | None) -> None:
    """A group that is misspelt would be one of which nothing is asked."""
    if name and name not in workspace(context).load_settings().security.signature.groups:
        typer.echo(f"Warning: security.signature.groups does not name {name}.", err=True)


def _warn(answer: dict[str, Any]) -> None:
    for warning in answer["warnings"]:
        typer.echo(f"Warning: {warning}", err=True)


@contextmanager
def _claimed(out: Path | None) -> Iterator[None]:
    """Make the file before anything is imported: passwords that were made must not be lost."""
    if out is None:
        yield
        return
    if out.exists():
        raise BadInput(f"{out}: exists already", "name a new file")
    files.write(out, b"", 0o600)
    try:
        yield
    except BadInput:
        out.unlink()
        raise
    except BaseException:
        typer.echo(
            f"It is not known whether they were added: see `ringwall subscribers list`; set "
            f"passwords that {out} does not hold with `ringwall subscribers passwd`.",
            err=True,
        )
        raise


def _hand_out(subscribers: Sequence[dict[str, Any]], out: Path | None) -> None:
    made = [each for each in subscribers if each["password"]]
    text = io.StringIO(newline="")
    table = csv.DictWriter(
        text, ["username", "password", "pin"], extrasaction="ignore", lineterminator="\n"
    )
    table.writeheader()
    table.writerows(made)
    if out is not None:
        files.write(out, text.getvalue().encode(), 0o600)
        typer.echo(f"The passwords that were made are in {out}.", err=True)
    elif made:
        typer.echo(text.getvalue(), nl=False)
