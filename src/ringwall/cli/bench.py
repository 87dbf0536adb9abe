"""``ringwall bench``: what a call costs on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from ringwall.checks.bench import signalling
from ringwall.checks.bench.signalling import Cost, Load
from ringwall.checks.bench.site import Site, site
from ringwall.checks.phone import Account
from ringwall.cli.client import ApiClient
from ringwall.cli.table import table

_USERS = 20

bench_app = typer.Typer(
    help="Measure what calls cost on this machine, on an instance of the benchmark's own.",
    no_args_is_help=True,
)

Pairs = Annotated[
    int, typer.Option("--pairs", min=6, max=50, help="Times that each variant is measured.")
]
Rate = Annotated[int, typer.Option("--rate", min=1, max=1000, help="Calls a second.")]
Calls = Annotated[int, typer.Option("--calls", min=10, max=100_000, help="Calls in each run.")]
Number = Annotated[
    int,
    typer.Option("--subnet", min=0, max=255, help="N of the networks 10.N.0.0/24 to 10.N.2.0/24."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@bench_app.callback()
def _bench() -> None:
    """Measure what calls cost on this machine, on an instance of the benchmark's own."""


@bench_app.command("signalling")
def signalling_command(
    pairs: Pairs = 7, rate: Rate = 100, calls: Calls = 1000, number: Number = 58,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Measure Kamailio's CPU time a call, beside a bare relay in its place; about ten minutes."""

    def say(text: str) -> None:
        typer.echo(text, err=as_json)

    with site(number, say) as made:
        load = Load(_accounts(made), rate, calls)
        costs = signalling.measure(made, load, pairs, say)
    typer.echo(json.dumps([asdict(one) for one in costs], indent=2) if as_json else _text(costs))


def _accounts(made: Site) -> list[Account]:
    api = ApiClient(made.settings, made.workspace)
    names = [str(1000 + number) for number in range(_USERS)]
    return [Account(name, api.add_subscriber(name)["password"]) for name in names]


def _text(costs: list[Cost]) -> str:
    rows = [("Kamailio", "CPU a call", "of bare (95 %)")]
    rows += [(one.variant, f"{one.microseconds:.0f} µs", str(one.of_bare or "-")) for one in costs]
    return table(rows)
