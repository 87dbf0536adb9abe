"""SIPp in a container on the edge network: what it does is in scenarios/."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ringwall.checks import capture, g711
from ringwall.checks.audio import Melody

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.phone import Account, Transport

_SCENARIOS = Path(__file__).parent / "scenarios"
_MODES = {"udp": "u1", "tcp": "t1", "tls": "l1"}
_SECONDS = 3.2
_OPTIONS = (
    "--user=0", "--cap-drop=ALL", "--cap-add=NET_RAW", "--workdir=/work",
    "-v", f"{_SCENARIOS}:/scenarios:ro",
)  # fmt: skip


@dataclass(frozen=True)
class Sipp:
    """One SIPp, which plays its scenarios one after another as one account."""

    system: Stack
    account: Account
    transport: Transport = "udp"

    def play(
        self, *scenarios: str, number: str = "600", melody: Melody | None = None, calls: int = 1
    ) -> Played:
        """Play ``scenarios`` against the edge; CommandFailed shows what SIPp complained of.

        ``calls`` of each are played at the same time.
        """
        with tempfile.TemporaryDirectory(prefix="ringwall-sipp-") as name:
            folder = Path(name)
            folder.chmod(0o777)
            said = (melody or Melody.random()).samples(_SECONDS)
            (folder / "say.ulaw").write_bytes(g711.encode(g711.PCMU, said))
            script = "\n".join([_CAPTURE, *(self._line(one, number, calls) for one in scenarios)])
            self.system.tools("sh", "-ec", script, options=(*_OPTIONS, "-v", f"{folder}:/work"))
            return Played(tuple(capture.read(folder / "capture.pcap")))

    def _line(self, scenario: str, number: str, calls: int) -> str:
        port = 5061 if self.transport == "tls" else 5060
        return (
            f"sipp {self.system.edge}:{port} -sf /scenarios/{scenario}.xml "
            f"-m {calls} -r 50 -l {calls} -nostdin "
            f"-t {_MODES[self.transport]} -p 5060 -s {number} -key user {self.account.username} "
            f"-au {self.account.username} -ap '{self.account.password}' -timeout 40s "
            f"-timeout_error -trace_err -error_file /work/errors -trace_msg "
            f"-message_file /work/messages >/work/screen 2>&1 "
            "|| { cat /work/errors /work/messages >&2; exit 1; }"
        )


@dataclass(frozen=True)
class Played:
    """What passed while SIPp played."""

    packets: tuple[capture.Packet, ...]


_CAPTURE = "tcpdump -p -i eth0 -U -Z root -w /work/capture.pcap udp 2>/dev/null & "
