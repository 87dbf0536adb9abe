"""The guard's main program.

Without arguments it serves. ``ban ADDRESS SECONDS`` and ``unban ADDRESS`` are for fail2ban.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import time
from ipaddress import ip_address, ip_network
from pathlib import Path
from threading import Thread

from ringwall.guard.kernel import Kernel, NeverBanned
from ringwall.guard.server import serve

SETTINGS = Path("/etc/ringwall/guard.json")
NAMESPACE = Path("/var/lib/ringwall/sbc/netns")
"""The SBC writes its network namespace there when it starts."""
_OWN_NAMESPACE = Path("/proc/self/ns/net")
_LOOK_SECONDS = 0.5
_log = logging.getLogger("ringwall.guard")


def main(arguments: list[str]) -> int:
    """Do what the arguments say; return the exit status."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    settings = json.loads(SETTINGS.read_text())
    kernel = Kernel([ip_network(text) for text in settings["never"]])
    match arguments:
        case []:
            return _run(kernel, settings)
        case ["ban", address, seconds]:
            try:
                kernel.ban(ip_address(address), max(1, int(float(seconds))), "fail2ban")
            except NeverBanned as error:
                _log.warning("%s", error)
        case ["unban", address]:
            kernel.unban(ip_address(address))
        case _:
            _log.error("unknown arguments: %s", arguments)
            return 2
    return 0


def _run(kernel: Kernel, settings: dict[str, str]) -> int:
    kernel.prepare()
    server = serve((settings["listen"], int(settings["port"])), settings["control"], kernel)
    Thread(target=server.serve_forever, daemon=True).start()
    _log.info("the kernel's bans are guarded")
    while not _left_behind(settings["listen"]):
        time.sleep(_LOOK_SECONDS)
    _log.warning("the SBC has another network namespace now: starting again, there")
    return 1


def _left_behind(address: str) -> bool:
    """Whether our address is gone, and the SBC up again elsewhere.

    Both: Docker does not start us while the SBC is down, and does not try again.
    """
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            pass
        else:
            return False
    try:
        return NAMESPACE.read_text().strip() != str(_OWN_NAMESPACE.stat().st_ino)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
