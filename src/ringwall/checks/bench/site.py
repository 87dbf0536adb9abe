"""An instance of Ringwall for measurements: its own name, networks and data, nothing published."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace
from ringwall.errors import RingwallError
from ringwall.runtime import apply, images, recipes
from ringwall.runtime.engine import Engine

NAME = "rwbench"
_BARE_CFG = recipes.STACK / "bench" / "bare.cfg"
_SBC = "kamailio_sbc"
_BARE = f"{NAME}_bare"
_READY_S = 20
# All calls come from one address that nobody is registered from: its budget must hold them.
_CONFIGURATION = f"""\
sbc:
  public_address: 10.{{number}}.1.2
instance:
  name: {NAME}
  prefix: {NAME}_
  publish: false
  ports: {{rtp: 30000-33999}}
  subnets: {{sbc: 10.{{number}}.0.0/24, edge: 10.{{number}}.1.0/24, mgmt: 10.{{number}}.2.0/24}}
pbx:
  nodes:
    - {{name: asterisk_1, address: 10.{{number}}.0.10}}
    - {{name: asterisk_2, address: 10.{{number}}.0.11}}
security:
  flood: {{unknown: 10000/s, registered: 10000/s}}
"""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Site:
    """A running instance; ``number`` is the second part of its addresses."""

    workspace: Workspace
    number: int
    say: Say
    engine: Engine = field(default_factory=Engine)

    @property
    def settings(self) -> Settings:
        """What it runs with."""
        return self.workspace.load_settings()

    @property
    def addresses(self) -> Addresses:
        """Who lives where."""
        return Addresses(self.settings)

    def configure(self, more: str = "") -> None:
        """Run it with ``more`` at the end of its ringwall.yaml."""
        text = _CONFIGURATION.replace("{number}", str(self.number))
        self.workspace.file.write_text(text + more)
        apply.up(self.workspace, self.settings, self.say)

    @contextmanager
    def ringwall(self) -> Iterator[str]:
        """Yield the name of the container of the SBC, as it is configured."""
        yield self.addresses.container(_SBC)

    @contextmanager
    def bare(self) -> Iterator[str]:
        """Put the bare relay in the SBC's place; yield the name of its container."""
        sbc = self.addresses.container(_SBC)
        self.engine.docker("stop", sbc)
        try:
            self._start_bare()
            yield _BARE
        finally:
            with suppress(RingwallError):  # it may not have come to that
                self.engine.docker("rm", "-f", _BARE)
            self.engine.docker("start", sbc)
            self._wait_ready(sbc)

    def _start_bare(self) -> None:
        addresses, rendered = self.addresses, self.workspace.rendered
        self.engine.docker(
            "create", "--name", _BARE, "--init", "--read-only", "--cap-drop=ALL",
            "--tmpfs", "/run/kamailio:uid=2001", "--entrypoint", "kamailio",
            "-v", f"{rendered / 'kamailio'}:/etc/kamailio/local:ro",
            "-v", f"{_BARE_CFG}:/etc/kamailio/bare.cfg:ro",
            "--network", addresses.network("sbc"), "--ip", str(addresses.kamailio_sbc),
            images.image_tag("kamailio", self.settings),
            "-DD", "-E", "-f", "/etc/kamailio/bare.cfg", "-m", "256", "-M", "16",
        )  # fmt: skip
        edge = ("--ip", str(addresses.kamailio_edge), addresses.network("edge"))
        self.engine.docker("network", "connect", *edge, _BARE)
        self.engine.docker("start", _BARE)
        self._wait_ready(_BARE)

    def _wait_ready(self, container: str) -> None:
        """Wait until a Kamailio sees a PBX node up."""
        command = "until kamcmd dispatcher.list | grep -q 'FLAGS: A'; do sleep 0.2; done"
        # A container that has just started may not take a command yet.
        self.engine.exec(container, "timeout", str(_READY_S), "sh", "-c", command)


@contextmanager
def site(number: int, say: Say) -> Iterator[Site]:
    """Bring up an instance, whose images may take minutes to build; remove it at the end."""
    root = Path(tempfile.mkdtemp(prefix="ringwall-bench-"))
    made = Site(Workspace(root), number, say)
    try:
        made.configure()
        yield made
    finally:
        say("removing the instance of the benchmark")
        apply.down(made.workspace, lambda _: None, volumes=True)
        shutil.rmtree(root)
