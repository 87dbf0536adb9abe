"""``ringwall init``: the first ringwall.yaml."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from ringwall.cli.context import workspace
from ringwall.config import reference
from ringwall.config.explain import words
from ringwall.config.types import DomainName
from ringwall.errors import BadInput, RingwallError

Domain = Annotated[
    list[str] | None,
    typer.Option(
        "--domain", help="SIP domain to serve; the first is the digest realm. Repeatable."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a ringwall.yaml that is there.")]


def init(context: typer.Context, domain: Domain = None, force: Force = False) -> None:
    """Write a commented ringwall.yaml with every setting in it."""
    file = workspace(context).file
    text = reference.sample(tuple(map(_domain, domain or ())))
    try:
        with file.open("w" if force else "x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise BadInput(f"{file} is there already", "edit it, or overwrite it: --force") from None
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror}"
        raise RingwallError(message, "choose a directory that you may write: -C") from error
    typer.echo(f"Wrote {file}")
    typer.echo("Next: edit it, then `ringwall check`, then `ringwall up`.")


def _domain(text: str) -> str:
    try:
        return TypeAdapter(DomainName).validate_python(text)
    except ValidationError as error:
        message, remedy = words(error.errors()[0], ("sbc", "domains", 0))
        raise BadInput(f"--domain: {message}", remedy) from error
