"""``ringwall call``: a real call through the running system."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from ringwall.checks import testcall
from ringwall.checks.phone import Account, Line, Phone
from ringwall.cli.context import workspace
from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace
from ringwall.errors import NotRunning, RingwallError
from ringwall.runtime import images
from ringwall.runtime.engine import Engine
from ringwall.security import secrets


class Over(StrEnum):
    """SIP transports."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


Number = Annotated[str, typer.Argument(help="Number to call; 600 is the echo test.")]
Transport = Annotated[Over, typer.Option("--transport", "-t", help="SIP transport of the phone.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def call(
    context: typer.Context,
    number: Number = testcall.ECHO,
    transport: Transport = Over.UDP,
    as_json: Json = False,
) -> None:
    """Register a phone, place a call with audio through the running system, say what it heard."""
    place = workspace(context)
    engine, settings = Engine(), settings_of(place)
    account = secrets.test_account(place.secrets)
    plugged = line(engine, place, settings)
    images.ensure(settings, ["tools"], lambda text: typer.echo(text, err=True), engine)

    def say(text: str) -> None:
        typer.echo(text, err=as_json)

    phone = Phone(plugged, Account(account.username, account.password), transport.value)
    try:
        with phone:
            report = testcall.place(phone, number, say).as_dict()
    except RingwallError as error:
        if not as_json:
            raise _explained(error, number) from error
        report = {"number": number, "transport": transport, "passed": False, "error": str(error)}
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    if not report["passed"]:
        raise typer.Exit(1)


def settings_of(place: Workspace) -> Settings:
    """Return the settings; NotRunning where nothing can run for the lack of them."""
    if not place.file.exists():
        raise NotRunning(f"nothing was ever started in {place.root}", "`ringwall up` starts it")
    return place.load_settings()


def line(engine: Engine, place: Workspace, settings: Settings) -> Line:
    """Where the phone is plugged in; NotRunning where there is no SBC to plug it into."""
    addresses = Addresses(settings)
    state = engine.container_state(addresses.container("kamailio_sbc"))
    if state is None or not state.running:
        raise NotRunning("the SBC is not running", "`ringwall up` starts it")
    # A certificate that the user brought comes from an authority that is not ours to know.
    issued = not (place.certs / "own" / "fullchain.pem").exists()
    return Line(
        engine=engine,
        image=images.image_tag("tools", settings),
        network=addresses.network("edge"),
        edge=addresses.kamailio_edge,
        ca=place.certs / "ca.pem" if issued else None,
    )


def _explained(error: RingwallError, number: str) -> RingwallError:
    remedy = "`ringwall status` shows what is down; `docker logs kamailio_sbc` what was refused"
    return RingwallError(f"the call to {number} failed", error.remedy or remedy)
