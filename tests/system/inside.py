"""What passes on the inside, between the SBC and the PBX."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ringwall.checks.phone import wait_until
from ringwall.runtime import images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.system.stack import Stack


@contextmanager
def heard_inside(system: Stack) -> Iterator[Callable[[], str]]:
    """Listen there; yield what was heard so far."""
    name = system.container("listener")
    engine = system.engine
    engine.docker(
        "run", "-d", "--init", "--name", name, "--user=0", "--cap-drop=ALL", "--cap-add=NET_RAW",
        "--network", f"container:{system.container('kamailio_sbc')}",
        images.image_tag("tools", system.settings),
        "tcpdump", "-p", "-i", "any", "-l", "-n", "-A", "-s", "0", "-Z", "root",
        f"udp port 5060 and host {system.addresses.kamailio_sbc}",
    )  # fmt: skip
    try:
        wait_until(lambda: "listening on" in system.logs("listener"), 20, "tcpdump")
        yield lambda: system.logs("listener")
    finally:
        engine.docker("rm", "-f", name)
