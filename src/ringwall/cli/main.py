"""The command ``ringwall``: its commands, and how errors become messages and exit statuses."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ringwall import __version__
from ringwall.cli.audit import audit
from ringwall.cli.bans import bans_app
from ringwall.cli.bench import bench_app
from ringwall.cli.block import block_app
from ringwall.cli.call import call
from ringwall.cli.calls import calls_app
from ringwall.cli.cdrs import cdrs_app
from ringwall.cli.certs import certs_app
from ringwall.cli.check import check
from ringwall.cli.init import init
from ringwall.cli.pushes import pushes_app
from ringwall.cli.registrations import registrations_app
from ringwall.cli.signature import signature_app
from ringwall.cli.subscribers import subscribers_app
from ringwall.cli.system import down, status, up
from ringwall.cli.test import test
from ringwall.cli.why import why
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput, RingwallError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


class _Commands(TyperGroup):
    """Turns what a command raises into a message on stderr and an exit status."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except RingwallError as error:
            typer.echo(_explained(error), err=True)
            raise typer.Exit(error.exit_status) from error
        except KeyboardInterrupt as error:
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(INTERRUPTED) from error


def _explained(error: RingwallError) -> str:
    """Write the message, the chain of causes that Ringwall found, and the remedy."""
    lines = [str(error)]
    cause = error.__cause__
    while isinstance(cause, RingwallError):
        lines.append(f"  because {cause}")
        cause = cause.__cause__
    if error.remedy:
        lines.append(f"Remedy: {error.remedy}")
    return "\n".join(lines)


app = typer.Typer(
    cls=_Commands,
    help="Ringwall: a session border controller for people who run Asterisk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Directory = Annotated[
    Path, typer.Option("--directory", "-C", help="Where ringwall.yaml and .ringwall/ are.")
]


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ringwall {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
]


@app.callback()
def _everywhere(
    context: typer.Context,
    directory: Directory = Path(),
    version: Version = False,  # noqa: ARG001 - its callback has done it
) -> None:
    if not directory.is_dir():
        raise BadInput(f"{directory} is no directory", "make it, or name another with -C")
    context.obj = Workspace(directory.absolute())


for command in (init, check, up, status, down, call):
    app.command()(command)
app.add_typer(subscribers_app, name="subscribers")
app.add_typer(cdrs_app, name="cdrs")
app.add_typer(calls_app, name="calls")
app.add_typer(registrations_app, name="registrations")
app.add_typer(pushes_app, name="pushes")
app.command()(why)
app.add_typer(certs_app, name="certs")
app.add_typer(bans_app, name="bans")
app.add_typer(bench_app, name="bench")
app.add_typer(signature_app, name="signature")
app.add_typer(block_app, name="block")
app.command()(audit)
app.command()(test)


def main() -> None:
    """Run the command line; leave the process with its exit status."""
    try:
        app()
    finally:
        _flush()


def _flush() -> None:
    """Write out what is left; a reader that went away, as ``head``, is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
