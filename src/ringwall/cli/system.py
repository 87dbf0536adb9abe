"""``ringwall up``, ``down`` and ``status``."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ringwall.cli.client import ApiClient, base_url
from ringwall.cli.context import workspace
from ringwall.cli.init import init
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput, NotRunning, RingwallError
from ringwall.render.containers import containers
from ringwall.runtime import apply
from ringwall.runtime.engine import Engine
from ringwall.runtime.health import State, states, uptime
from ringwall.runtime.summary import summary
from ringwall.security import secrets

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Volumes = Annotated[
    bool, typer.Option("--volumes", help="Delete subscribers, voicemail and logs too.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_PROBES = 3
"""Probes that a PBX is given to answer, once its container is healthy."""


def up(context: typer.Context) -> None:
    """Build, configure and start everything; the first time, write ringwall.yaml too."""
    place = workspace(context)
    if not place.file.exists():
        typer.echo(f"There is no {place.file.name} yet: starting with the defaults.")
        init(context)
    settings = place.load_settings()
    try:
        _up(place, settings)
    except KeyboardInterrupt:
        typer.echo("\nStopped half-way; `ringwall up` goes on from here.", err=True)
        raise


def _up(place: Workspace, settings: Settings) -> None:
    applied = apply.up(place, settings, typer.echo)
    for warning in applied.certificate.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    api = ApiClient(settings, place)
    account = secrets.test_account(place.secrets)
    _add_test_account(api, account)
    if not applied.changed:
        typer.echo("Nothing to do: everything runs as ringwall.yaml says.")
        return
    for node in _nodes_down(api, settings, set(applied.failed)):
        typer.echo(f"Warning: PBX {node} does not answer; calls go to the others.", err=True)
    typer.echo("\n" + summary(settings, place, applied, account, base_url(settings)))


def _add_test_account(api: ApiClient, account: secrets.TestAccount) -> None:
    """Give a system without subscribers its first."""
    if not api.subscribers():
        api.add_subscriber(account.username, account.password)


def _nodes_down(api: ApiClient, settings: Settings, failed: set[str]) -> list[str]:
    """Wait until all PBX nodes answer Kamailio's probes; return those that do not."""
    deadline = time.monotonic() + _PROBES * settings.pbx.probe.interval.seconds
    while True:
        down = [node["name"] for node in api.status()["nodes"] if node["state"] != "up"]
        if not set(down) - failed or time.monotonic() > deadline:
            return down
        time.sleep(0.5)


def down(context: typer.Context, volumes: Volumes = False, yes: Yes = False) -> None:
    """Stop everything; data is kept unless --volumes asks for its end."""
    place = workspace(context)
    if volumes and not yes and not _agreed(place):
        typer.echo("Nothing was stopped.", err=True)
        raise typer.Exit(1)
    if not apply.down(place, typer.echo, volumes):
        typer.echo(f"Nothing was ever started in {place.root}: nothing was stopped.")
        return
    typer.echo("Stopped.")
    typer.echo(
        "Subscribers, voicemail and logs are deleted; settings, secrets and certificates are kept."
        if volumes
        else "Subscribers, voicemail, logs and settings are kept; `ringwall up` starts it again."
    )


def _agreed(place: Workspace) -> bool:
    if not sys.stdin.isatty():
        raise BadInput("deleting all data needs your word for it", "add --yes")
    return typer.confirm(f"Delete subscribers, voicemail and logs of {place.root}?")


def status(context: typer.Context, as_json: Json = False) -> None:
    """Show containers, PBX nodes, registrations and calls; 3: not running, 1: not well."""
    place = workspace(context)
    if not place.file.exists():
        raise NotRunning(f"nothing was ever started in {place.root}", "`ringwall up` starts it")
    settings = place.load_settings()
    found = states(Engine(), settings.instance.name)
    if not any(state.status == "running" for state in found.values()):
        raise NotRunning("nothing runs", "`ringwall up` starts it")
    report = {"containers": _containers(settings, found), **_live(place, settings)}
    typer.echo(json.dumps(report, indent=2) if as_json else _text(report))
    if not _well(report):
        raise typer.Exit(1)


def _containers(settings: Settings, found: dict[str, State]) -> list[dict[str, Any]]:
    return [_container(one.role, found.get(one.role)) for one in containers(settings)]


def _container(role: str, state: State | None) -> dict[str, Any]:
    seconds = uptime(state, datetime.now(UTC)) if state else None
    return {
        "role": role,
        "name": state.name if state else None,
        "state": state.status if state else "missing",
        "health": state.health if state else None,
        "uptime_seconds": None if seconds is None else int(seconds),
        "image": state.image if state else None,
    }


def _live(place: Workspace, settings: Settings) -> dict[str, Any]:
    """Ask the API; what it cannot tell is unknown, which is a finding and no failure."""
    try:
        return ApiClient(settings, place).status()
    except RingwallError as error:
        nodes = [
            {"name": node.name, "address": str(node.address), "state": "unknown"}
            for node in settings.pbx.nodes
        ]
        return {"nodes": nodes, "registrations": None, "calls": None, "error": str(error)}


def _well(report: dict[str, Any]) -> bool:
    ran = all(
        one["state"] == "running" and one["health"] in {None, "healthy"}
        for one in report["containers"]
    )
    parts = all(report.get(part) == "up" for part in ("database", "kamailio", "media"))
    return ran and parts and all(node["state"] == "up" for node in report["nodes"])


def _text(report: dict[str, Any]) -> str:
    rows = [("container", "state", "up for", "image")]
    rows += [
        (
            one["name"] or one["role"],
            one["health"] or one["state"] if one["state"] == "running" else one["state"],
            _span(one["uptime_seconds"]),
            one["image"] or "-",
        )
        for one in report["containers"]
    ]
    rows += [("", "", "", ""), ("PBX node", "state", "address", "")]
    rows += [(node["name"], node["state"], node["address"], "") for node in report["nodes"]]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_facts(report)])


def _facts(report: dict[str, Any]) -> list[str]:
    if "error" in report:
        return [f"The API does not answer: {report['error']}"]
    parts = ", ".join(f"{part} {report[part]}" for part in ("kamailio", "database", "media"))
    return [f"registrations {report['registrations']}, calls {report['calls']}; {parts}"]


def _span(seconds: int | None) -> str:
    """Write a time with its two largest units."""
    if seconds is None:
        return "-"
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
