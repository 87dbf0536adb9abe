"""The instance that the system tests run: its own name, networks and data, nothing published."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ringwall.checks.phone import Account, Encryption, Line, Phone, Transport, wait_until
from ringwall.cli.client import ApiClient
from ringwall.config.addresses import Addresses
from ringwall.config.workspace import Workspace
from ringwall.errors import RingwallError
from ringwall.runtime import images
from ringwall.runtime.engine import Engine

if TYPE_CHECKING:
    from ringwall.config.model import Settings

NUMBER = os.environ.get("RINGWALL_TEST_NUMBER", "55")
"""Another number is another instance, on 10.NUMBER.0-2.0/24, for two checkouts at once."""
PROJECT = "rwtest" if NUMBER == "55" else f"rwtest{NUMBER}"
PREFIX = f"{PROJECT}_"
ROOT = Path(tempfile.gettempdir()) / f"ringwall-test{'' if NUMBER == '55' else NUMBER}"
KEEP = "RINGWALL_TEST_KEEP"
"""Set it to leave the instance running, for a fast next run."""
LEAVE, TAKE = "RINGWALL_TEST_LEAVE", "RINGWALL_TEST_TAKE"
"""The two halves of it: `ringwall test` hands the instance from one kind of tests to the next."""
NODES = ("asterisk_1", "asterisk_2")
PROBE_S = 2
RING_S = 8
_OF_SOURCES = "registered_from weights flooding strikes scanner_scores"
"""Kamailio's tables of what it remembers of an address."""

CONFIGURATION = f"""\
sbc:
  public_address: 10.{NUMBER}.1.2
pbx:
  probe: {{interval: {PROBE_S}s}}
  ring_time: {RING_S}s
  nodes:
    - {{name: asterisk_1, address: 10.{NUMBER}.0.10}}
    - {{name: asterisk_2, address: 10.{NUMBER}.0.11}}
instance:
  name: {PROJECT}
  prefix: {PREFIX}
  publish: false
  ports: {{rtp: 30000-33999}}
  subnets: {{sbc: 10.{NUMBER}.0.0/24, edge: 10.{NUMBER}.1.0/24, mgmt: 10.{NUMBER}.2.0/24}}
"""


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


@dataclass
class Stack:
    """A Ringwall of the tests' own."""

    workspace: Workspace
    results: Path
    engine: Engine = field(default_factory=Engine)

    @cached_property
    def settings(self) -> Settings:
        """What ringwall.yaml says."""
        return self.workspace.load_settings()

    @cached_property
    def addresses(self) -> Addresses:
        """Who lives where."""
        return Addresses(self.settings)

    @property
    def api(self) -> ApiClient:
        """The API of the running system."""
        return ApiClient(self.settings, self.workspace)

    @property
    def edge(self) -> str:
        """The SBC's address, as phones know it."""
        return str(self.addresses.kamailio_edge)

    @property
    def domain(self) -> str:
        """The first domain, which is the digest realm."""
        return self.settings.sbc.domains[0]

    def cli(self, *args: str, input: str | None = None, timeout: float = 600) -> Said:
        """Run ``ringwall ARGS`` as a user does."""
        done = subprocess.run(
            self.command(*args),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def command(self, *args: str) -> list[str]:
        """Return the command line of ``ringwall ARGS``."""
        return [sys.executable, "-m", "ringwall.cli.main", "-C", str(self.workspace.root), *args]

    def up(self) -> Said:
        """Bring it up; an AssertionError says what went wrong."""
        said = self.cli("up")
        assert said.status == 0, f"ringwall up: {said.out}\n{said.err}"
        return said

    def subscriber(self) -> Account:
        """Add a subscriber that no other test knows."""
        name = str(10_000_000 + secrets.randbelow(40_000_000))
        return Account(name, self.api.add_subscriber(name)["password"])

    def is_registered(self, account: Account) -> bool:
        """Whether a phone of this account is registered."""
        listed = self.api.subscribers()
        return any(one["username"] == account.username and one["registered"] for one in listed)

    def phone(
        self,
        account: Account | None = None,
        transport: Transport = "udp",
        *,
        answers: bool = False,
        domain: str | None = None,
        encryption: Encryption | None = None,
    ) -> Phone:
        """Return a phone, not started yet: it is a context manager."""
        line = Line(
            self.engine,
            images.image_tag("tools", self.settings),
            self.addresses.network("edge"),
            self.addresses.kamailio_edge,
            self.workspace.certs / "ca.pem",
            domain,
        )
        keep = self.results / "phones"
        made = Phone(line, account or self.subscriber(), transport, answers=answers, keep=keep)
        made.encryption = encryption
        return made

    def tools(self, *argv: str, options: tuple[str, ...] = (), timeout: float = 60) -> str:
        """Run a command in a container of the tools image, on the edge network."""
        return self.engine.run(
            images.image_tag("tools", self.settings),
            *argv,
            options=["--init", "--network", self.addresses.network("edge"), *options],
            timeout=timeout,
        )

    def container(self, role: str) -> str:
        """Return the name of a container."""
        return self.addresses.container(role)

    def asterisk(self, node: str, command: str) -> str:
        """Run a command on a node's console."""
        return self.engine.exec(self.container(node), "asterisk", "-rx", command)

    def calls_processed(self, node: str) -> int:
        """Return how many calls the node has had since it started."""
        for line in self.asterisk(node, "core show channels count").splitlines():
            if "processed" in line:
                return int(line.split()[0])
        raise AssertionError(f"{node} does not say how many calls it had")

    def wait_nodes(self, **states: str) -> None:
        """Wait until Kamailio sees the nodes as named: ``wait_nodes(asterisk_1="down")``."""
        wait_until(lambda: self._sees(states), 30, f"Kamailio to see {states}", 0.3)

    def wait_well(self) -> None:
        """Wait until everything works again."""
        wait_until(lambda: self.cli("status").status == 0, 60, "ringwall status to be good", 0.5)

    def forget_everybody(self) -> None:
        """Have Kamailio take every address for one it never heard of."""
        flush = f"for t in {_OF_SOURCES}; do kamcmd htable.flush $t; done"
        self.engine.exec(self.container("kamailio_sbc"), "sh", "-c", flush)

    def forget_host(self) -> None:
        """Have Kamailio take this host, which RawClient sends from, for one it never heard of."""
        host = self.settings.instance.subnets.edge[1]
        delete = f"for t in {_OF_SOURCES}; do kamcmd htable.delete $t {host}; done; true"
        self.engine.exec(self.container("kamailio_sbc"), "sh", "-c", delete)

    def forget_guesses(self) -> None:
        """Have Kamailio judge passwords by themselves again, whoever guessed."""
        flush = "for t in guesses lockouts; do kamcmd htable.flush $t; done"
        self.engine.exec(self.container("kamailio_sbc"), "sh", "-c", flush)

    def logs(self, role: str, since: float | None = None) -> str:
        """Return what a container wrote, standard error included."""
        options = [] if since is None else ["--since", str(since)]
        done = subprocess.run(
            ["docker", "logs", *options, self.container(role)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
        return done.stdout

    def keep_logs(self, folder: Path) -> None:
        """Write every container's log into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in names(self.engine, "container"):
            role = name.removeprefix(PREFIX)
            (folder / f"{role}.log").write_text(self.logs(role))

    def _sees(self, states: dict[str, str]) -> bool:
        try:
            found = {node["name"]: node["state"] for node in self.api.status()["nodes"]}
        except RingwallError:
            return False
        return all(found.get(name) == state for name, state in states.items())


def names(engine: Engine, kind: str) -> list[str]:
    """Return the containers, networks or volumes of the tests' instance."""
    template = "{{.Names}}" if kind == "container" else "{{.Name}}"
    everything = ["-a"] if kind == "container" else []
    listed = engine.docker(kind, "ls", *everything, "--format", template).split()
    return [name for name in listed if name.startswith(PREFIX)]


def remove(engine: Engine) -> None:
    """Remove whatever an instance of the tests has left, and nothing else."""
    for kind in ("container", "network", "volume"):
        if found := names(engine, kind):
            force = [] if kind == "network" else ["-f"]
            engine.docker(kind, "rm", *force, *found, timeout=120)
    shutil.rmtree(ROOT, ignore_errors=True)


def new(results: Path) -> Stack:
    """Return the instance: a new one, or the one that runs where it shall be kept."""
    engine = Engine()
    kept = {KEEP, TAKE} & os.environ.keys() and (ROOT / "ringwall.yaml").exists()
    if not kept:
        remove(engine)
        ROOT.mkdir(mode=0o700)
    (ROOT / "ringwall.yaml").write_text(CONFIGURATION)
    return Stack(Workspace(ROOT), results, engine)
