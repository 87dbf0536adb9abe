"""``ringwall check``: every mistake in ringwall.yaml, or what it says."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from ringwall.cli.context import workspace
from ringwall.config.errors import ConfigErrors, Mistake
from ringwall.config.model import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def check(context: typer.Context, as_json: Json = False) -> None:
    """Check ringwall.yaml and change nothing; exit status 2 with all mistakes."""
    place = workspace(context)
    try:
        settings = place.load_settings()
    except ConfigErrors as error:
        if not as_json:
            raise
        typer.echo(_report(error.items))
        raise typer.Exit(error.exit_status) from error
    typer.echo(_report([]) if as_json else f"{place.file.name} is right: {_summary(settings)}")


def _report(items: list[Mistake]) -> str:
    return json.dumps({"ok": not items, "errors": [asdict(item) for item in items]}, indent=2)


def _summary(settings: Settings) -> str:
    nodes = ", ".join(f"{node.name} ({node.address})" for node in settings.pbx.nodes)
    ports = settings.instance.ports
    return (
        f"domain {', '.join(settings.sbc.domains)}; PBX {nodes}; "
        f"SIP {ports.sip}, TLS {ports.tls}, media {ports.rtp}"
    )
