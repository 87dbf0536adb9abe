"""The attacker: a container on the edge network that has many addresses, and sockets on them."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import threading
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringwall.checks.audit import agent
from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from ringwall.config.model import Settings
    from ringwall.runtime.engine import Engine

_OPTIONS = (
    "--init", "--user=0", "--cap-drop=ALL", "--cap-add=NET_ADMIN", "--cap-add=NET_RAW",
    "--cap-add=NET_BIND_SERVICE", "--security-opt=no-new-privileges", "--memory=256m",
    "--tmpfs=/tmp",
)  # fmt: skip
_RESERVED = 16
"""Host numbers of the roles."""
_ANSWER_S = 120.0


class Attacker:
    """A container and the process in it; a context manager."""

    def __init__(
        self, engine: Engine, image: str, network: str, addresses: Sequence[str], label: str
    ) -> None:
        self._stem = f"{label}_audit_"
        self.name = f"{self._stem}{secrets.token_hex(3)}"
        self._engine, self._image, self._network = engine, image, network
        self._addresses = list(addresses)
        self._process: subprocess.Popen[str] | None = None
        self._next = 0

    def __enter__(self) -> Self:
        script = Path(agent.__file__)
        try:
            if self._addresses:
                self._remove_killed()
            self._engine.docker(
                "run", "-d", "--rm", "--name", self.name, "--network", self._network, *_OPTIONS,
                "-v", f"{script}:/agent.py:ro", "--label", "ringwall=audit", self._image,
                "sleep", "7200",
            )  # fmt: skip
            self._process = self._engine.attach(self.name, "python3", "/agent.py")
            if self._addresses:
                self.do("take_addresses", addresses=self._addresses)
            else:
                self._addresses = [self._own_address()]
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def fresh(self) -> str:
        """Return the address that was not used for the longest time."""
        address = self._addresses[self._next % len(self._addresses)]
        self._next += 1
        return address

    def reserve(self) -> str:
        """Return an address that ``fresh`` never returns."""
        return self._addresses.pop(0)

    def do(self, what: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Have the agent do it; OSError where it could not."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RingwallError("the attacker does not run")
        limit = threading.Timer(_ANSWER_S, process.kill)
        limit.start()
        try:
            process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        finally:
            limit.cancel()
        if not line:
            raise RingwallError("the attacker's container has gone", "run the audit again")
        answer = json.loads(line)
        if "failed" in answer:
            raise OSError(answer["failed"])
        return answer["done"]

    def run(self, *argv: str, timeout: float = 60) -> str:
        """Run a program in the container; its output, also where it fails."""
        command = ["sh", "-c", '"$@" 2>&1 || true', "-", *argv]
        return self._engine.exec(self.name, *command, timeout=timeout)

    def _remove_killed(self) -> None:
        """Remove the container of an audit that was killed: it still has our addresses."""
        wanted = ("--filter", "label=ringwall=audit", "--filter", f"name=^{self._stem}")
        found = self._engine.docker("container", "ls", "-aq", *wanted).split()
        if found:
            self._engine.docker("rm", "-f", *found)

    def _own_address(self) -> str:
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return self._engine.docker("container", "inspect", "-f", template, self.name).strip()

    def _remove(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was not flushed is for nobody
                        pipe.close()
        with suppress(RingwallError):  # it may never have started
            self._engine.docker("rm", "-f", self.name)


class RemoteWire:
    """A socket in the attacker's container."""

    def __init__(
        self,
        attacker: Attacker,
        target: tuple[str, int],
        transport: str,
        source: tuple[str, int],
        tls: Mapping[str, str] | None = None,
    ) -> None:
        """Connect; OSError where that is refused. Port 0 is any; ``tls``: see the agent."""
        self._attacker = attacker
        address, port = source
        made = attacker.do(
            "connect", source=address, port=port, target=list(target), transport=transport, tls=tls
        )
        self.target = target
        self._number: int = made["socket"]
        self.address: str = made["address"]
        self.port: int = made["port"]
        self.version: str | None = made["version"]
        self._open = True

    def send(self, data: bytes) -> None:
        """Send it as it is."""
        self._attacker.do("send", number=self._number, data=base64.b64encode(data).decode())

    def receive(self, seconds: float) -> bytes:
        """Wait for a datagram, or a piece of the stream: TimeoutError, or ConnectionError."""
        came = self._attacker.do("receive", number=self._number, seconds=seconds)
        if "silence" in came:
            raise TimeoutError
        if "closed" in came:
            raise ConnectionError(came["closed"])
        return base64.b64decode(came["data"])

    def flood(self, data: bytes, count: int, rate: float) -> dict[str, int]:
        """Send so many datagrams; return how many were ``sent`` and ``answered``."""
        told: dict[str, int] = self._attacker.do(
            "flood", number=self._number, data=base64.b64encode(data).decode(), count=count,
            rate=rate,
        )  # fmt: skip
        return told

    def close(self) -> None:
        """Close it, once."""
        if self._open:
            self._open = False
            self._attacker.do("close", number=self._number)


def free_addresses(engine: Engine, settings: Settings, network: str) -> list[str]:
    """Return the edge network's addresses that are nobody's and that Docker hands to nobody.

    Docker hands out the upper half of the subnet; the roles are at the beginning of the lower one.
    """
    subnet = settings.instance.subnets.edge
    lower = next(subnet.subnets())
    taken = {IPv4Address(text) for text in _in_use(engine, network)}
    taken |= {node.address for node in settings.pbx.nodes}
    taken.add(lower.broadcast_address)
    free = [str(one) for one in lower if int(one) >= int(lower[_RESERVED]) and one not in taken]
    return free[:_MOST]


_MOST = 200


def _in_use(engine: Engine, network: str) -> list[str]:
    template = "{{range .Containers}}{{.IPv4Address}}\n{{end}}"
    listed = engine.docker("network", "inspect", "-f", template, network)
    return [line.partition("/")[0] for line in listed.split()]
