"""``ringwall certs``: the edge's certificate, and those of phones."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from ringwall.cli.context import workspace
from ringwall.cli.table import table
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput
from ringwall.runtime import certs, lock
from ringwall.runtime.engine import Engine
from ringwall.security import clients, files, own_certificate
from ringwall.security.certificates import RENEW_BEFORE, EdgeCertificate

certs_app = typer.Typer(help="Show, issue, renew and revoke certificates.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
_USER = re.compile(r"[A-Za-z0-9._+-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Line:
    """A certificate as ``status`` shows it."""

    what: str
    names: str
    serial: str
    not_after: datetime
    state: str


@certs_app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """List certificates with their state; 1 where one that the edge needs has expired."""
    place, now = workspace(context), datetime.now(UTC)
    needed, phones = _needed(place, now), _phones(place, now)
    lines = needed + phones
    if as_json:
        typer.echo(json.dumps([_document(line) for line in lines], indent=2))
    elif not lines:
        typer.echo("There is no certificate yet; `ringwall up` makes the first.")
    else:
        head = ("certificate", "names", "serial", "until (UTC)", "state")
        typer.echo(table([head, *map(_row, lines)]))
        _warn(needed + [line for line in phones if line.state == "expires soon"], now)
    if any(line.state == "expired" for line in needed):
        raise typer.Exit(1)


@certs_app.command()
def issue(context: typer.Context) -> None:
    """Make the edge's certificate what ringwall.yaml says; nothing happens where it is."""
    _bring(context, renew=False)


@certs_app.command()
def renew(context: typer.Context) -> None:
    """Issue a new certificate to the edge, or take over your own that changed."""
    _bring(context, renew=True)


@certs_app.command()
def reload(
    context: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Even when no file changed; costs some memory.")
    ] = False,
) -> None:
    """Have Kamailio take over files that changed; connections and calls go on."""
    _bring(context, renew=False, force=force)


@certs_app.command("issue-client")
def issue_client(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The subscriber that the phone registers as.")],
    into: Annotated[
        Path | None, typer.Option(help="Folder for the files; left out: client-certificates/USER.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3652, help="How long it is good for.")] = 397,
) -> None:
    """Issue a certificate to a phone: key, certificate, the edge's CA, and all as PKCS#12."""
    if not _USER.fullmatch(user):
        raise BadInput(f"{user!r} is no user name", "as `ringwall subscribers list` shows it")
    place = workspace(context)
    settings = place.load_settings()
    folder = into or place.root / "client-certificates" / user
    with lock.held(place.lock):
        issuer = clients.ensure(place.certs, datetime.now(UTC))
        realm = settings.sbc.domains[0]
        made = issuer.issue(user, realm, datetime.now(UTC), timedelta(days=days))
        _write(folder, user, made, place)
    typer.echo(f"Issued {made.serial:x} to {user}, until {made.not_after:%Y-%m-%d}: {folder}")
    typer.echo(f"Password of {user}.p12: {made.password}")
    if settings.security.tls.client_certificates == "off":
        typer.echo(
            "Nobody is asked for one yet: set security.tls.client_certificates, then "
            "`ringwall up`.",
            err=True,
        )


@certs_app.command()
def revoke(
    context: typer.Context,
    which: Annotated[
        str, typer.Argument(metavar="SERIAL|USER", help="One, or all good ones of a user.")
    ],
) -> None:
    """Revoke certificates of phones; connections that showed one are refused at once, too."""
    place = workspace(context)
    settings, engine = place.load_settings(), Engine()
    with lock.held(place.lock):
        if not clients.present(place.certs):
            raise BadInput("no certificate was ever issued to a phone", "see issue-client")
        issuer = clients.ensure(place.certs, datetime.now(UTC))
        revoked = issuer.revoke(which, datetime.now(UTC))
        for one in revoked:
            typer.echo(f"Revoked {one.serial:x} of {one.user}.")
        certs.shut_out(engine, settings, revoked)
        _say(*certs.bring(engine, place, settings))


def _bring(context: typer.Context, *, renew: bool, force: bool = False) -> None:
    place = workspace(context)
    settings = place.load_settings()
    with lock.held(place.lock):
        _say(*certs.bring(Engine(), place, settings, renew=renew, force=force))


def _say(made: EdgeCertificate, told: bool) -> None:
    for warning in made.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    if told:
        typer.echo("Kamailio has taken it over; connections and calls go on.")
    elif made.changed:
        typer.echo("Kamailio does not run; its next start takes it over.")
    else:
        typer.echo(
            f"Nothing changed; the edge's certificate is good until {made.not_after:%Y-%m-%d}."
        )


def _write(folder: Path, user: str, made: clients.Issued, place: Workspace) -> None:
    files.folder(folder, 0o700)
    files.write(folder / f"{user}.key", made.key, 0o600)
    files.write(folder / f"{user}.pem", made.certificate, 0o600)
    files.write(folder / f"{user}.p12", made.pkcs12, 0o600)
    edge_ca = place.certs / "ca.pem"
    if edge_ca.exists():
        files.write(folder / "ca.pem", edge_ca.read_bytes(), 0o644)


def _needed(place: Workspace, now: datetime) -> list[_Line]:
    """What the edge itself works with."""
    found = []
    for what, path in (
        ("edge", place.certs / "edge/fullchain.pem"),
        ("CA", place.certs / "ca.pem"),
        ("clients' CA", place.certs / "clients/ca.pem"),
    ):
        if path.exists():
            found.append(_line(what, path, now))
    return found


def _line(what: str, path: Path, now: datetime) -> _Line:
    leaf = own_certificate.first(path)
    names = ", ".join(str(name.value) for name in own_certificate.alternative_names(leaf))
    end = leaf.not_valid_after_utc
    return _Line(what, names or "-", f"{leaf.serial_number:x}", end, _state(end, now))


def _phones(place: Workspace, now: datetime) -> list[_Line]:
    if not clients.present(place.certs):
        return []
    return [
        _Line(
            "phone",
            one.user,
            f"{one.serial:x}",
            one.not_after,
            "revoked" if one.revoked else _state(one.not_after, now),
        )
        for one in clients.ensure(place.certs, now).listed()
    ]


def _state(end: datetime, now: datetime) -> str:
    if end <= now:
        return "expired"
    return "expires soon" if end - now < RENEW_BEFORE else "good"


def _warn(lines: list[_Line], now: datetime) -> None:
    for line in lines:
        if line.state != "good":
            days = (line.not_after - now).days
            when = f"expires in {days} days" if days >= 0 else "has expired"
            typer.echo(f"Warning: {line.what} {line.names} {when}.", err=True)


def _row(line: _Line) -> tuple[str, ...]:
    return (line.what, line.names, line.serial, f"{line.not_after:%Y-%m-%d %H:%M}", line.state)


def _document(line: _Line) -> dict[str, str]:
    return {
        "certificate": line.what,
        "names": line.names,
        "serial": line.serial,
        "not_after": line.not_after.isoformat(),
        "state": line.state,
    }
