"""What every command needs to know: where it works."""

from __future__ import annotations

import typer

from ringwall.cli.client import ApiClient
from ringwall.config.workspace import Workspace


def workspace(context: typer.Context) -> Workspace:
    """Return the working directory that ``--directory`` named, or the current one."""
    found = context.find_object(Workspace)
    if found is None:
        raise LookupError("the application's callback has not run")
    return found


def client(context: typer.Context) -> ApiClient:
    """Return the API of the system that the working directory describes."""
    place = workspace(context)
    return ApiClient(place.load_settings(), place)
