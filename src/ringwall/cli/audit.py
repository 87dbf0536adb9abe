"""``ringwall audit``: attacks a system, its own by default, and prints a score card."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from ringwall.checks.audit.case import Family
from ringwall.checks.audit.catalogue import FAMILIES
from ringwall.checks.audit.remote import RemoteAudit
from ringwall.checks.audit.report import html
from ringwall.checks.audit.result import ScoreCard
from ringwall.checks.audit.run import Audit
from ringwall.cli.call import line, settings_of
from ringwall.cli.client import ApiClient
from ringwall.cli.context import workspace
from ringwall.cli.table import plain, table
from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput, NotRunning
from ringwall.runtime import images, lock
from ringwall.runtime.engine import Engine

Say = Callable[[str], None]


def audit(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    *,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a report for a browser.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Run this family, or this case; may be repeated."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="IPv4 address; left out: the system of this directory.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Attack a target that is on none of our networks.")
    ] = False,
) -> None:
    """Attack the running system, tell what held; exit status 1 where an attack was not stopped."""
    families = _chosen(only or [])
    if html_file is not None and not html_file.parent.is_dir():
        raise BadInput(f"--html {html_file}: there is no folder {html_file.parent}", "make it")
    place = workspace(context)
    with _ended_cleanly():
        card = _audited(place, families, _target(target), force, _say)
    if html_file is not None:
        html_file.write_text(html(card))
    typer.echo(json.dumps(card.as_dict(), indent=2) if as_json else _told(card))
    if not card.passed:
        raise typer.Exit(1)


def _say(text: str) -> None:
    typer.echo(plain(text), err=True)


def _chosen(only: Sequence[str]) -> list[Family]:
    """Return the families with the cases that were asked for."""
    known = {family.name for family in FAMILIES}
    names = {case.name for family in FAMILIES for case in family.cases}
    for one in only:
        if one not in known | names:
            raise BadInput(
                f"--only {one}: there is no such family or case",
                f"a family is one of {', '.join(sorted(known))}",
            )
    wanted = [
        replace(
            family,
            cases=tuple(
                case
                for case in family.cases
                if not only or family.name in only or case.name in only
            ),
        )
        for family in FAMILIES
    ]
    return [family for family in wanted if family.cases]


def _target(text: str | None) -> IPv4Address | None:
    if text is None:
        return None
    try:
        return IPv4Address(text)
    except ValueError:
        raise BadInput(f"--target {text}: is no IPv4 address", "write one, as 192.0.2.7") from None


def _audited(
    place: Workspace, families: list[Family], target: IPv4Address | None, force: bool, say: Say
) -> ScoreCard:
    settings, engine = settings_of(place), Engine()
    if target is not None and target not in _own(settings):
        on_edge = target in settings.instance.subnets.edge
        if not on_edge and not force:
            raise BadInput(
                f"--target {target} is on none of our networks",
                "attack what is yours; where you may attack this one, say --force: it is then "
                "asked slowly, and judged by its answers alone",
            )
        images.ensure(settings, ["tools"], say, engine)
        network = Addresses(settings).network("edge") if on_edge else "bridge"
        image = images.image_tag("tools", settings)
        return RemoteAudit(engine, image, network, target, settings, say).run(families)
    plugged = line(engine, place, settings)
    _require_pbx(api := ApiClient(settings, place))
    images.ensure(settings, ["tools"], say, engine)
    with lock.held(place.lock):  # a change in the middle would look like an attack that hit
        return Audit(plugged, place, settings, api, say).run(families)


def _own(settings: Settings) -> set[IPv4Address]:
    """Return the addresses by which the own system is reached."""
    public = settings.sbc.public_address
    known = {public} if isinstance(public, IPv4Address) else set()
    return {Addresses(settings).kamailio_edge} | known


def _require_pbx(api: ApiClient) -> None:
    """Without a PBX no call works, whoever attacks or not."""
    if not any(node["state"] == "up" for node in api.status()["nodes"]):
        raise NotRunning("no PBX node is up, so no legitimate call works", "see `ringwall status`")


def _told(card: ScoreCard) -> str:
    head = ("layer", "setting", "passed", "failed")
    rows = [(r.layer.title, r.layer.switch, str(r.passed), str(r.failed)) for r in card.rows]
    lines = [table([head, *rows])]
    if card.failed:
        lines += ["", "Not stopped:"]
        lines.append(table([(one.case.name, one.fault) for one in card.failed]))
    if card.broken:
        lines += ["", table([(one.name, one.fault) for one in card.broken])]
    if card.checks:
        good, last = len(card.checks) - len(card.broken), card.checks[-1]
        whole = f"{good} of {len(card.checks)} checks of the whole run are good"
        lines += ["", f"{whole}; {last.name}: {last.detail}"]
    if card.answers_only:
        lines += ["", "Not our own system: nothing but its answers was judged."]
    skipped = sum(bool(one.skipped) for one in card.results)
    ran = len(card.results) - skipped
    lines += ["", f"{ran - len(card.failed)} of {ran} attacks were stopped"
              + (f"; {skipped} do not apply here" if skipped else "")
              + f" ({card.seconds:.0f} s)."]  # fmt: skip
    return "\n".join(lines)


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """Take a request to end as Ctrl-C: accounts and bans of the audit are then removed."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    kinds = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(kind, interrupt) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
