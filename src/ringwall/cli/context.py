"""What every command needs to know: where it works."""

from __future__ import annotations

import typer

from ringwall.config.workspace import Workspace


def workspace(context: typer.Context) -> Workspace:
    """Return the working directory that ``--directory`` named, or the current one."""
    found = context.find_object(Workspace)
    if found is None:
        raise LookupError("the application's callback has not run")
    return found
