"""What control tells Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families as parse

from ringwall.api.__main__ import PORT
from ringwall.runtime import images

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from tests.system.stack import Stack

    from ringwall.config.addresses import Network


def ask(system: Stack, network: Network, at: IPv4Address) -> str:
    """Ask for them without a token, as the machine ``at`` an address; the last line is the status.

    CommandFailed says that nobody answered.
    """
    control = system.addresses.control_mgmt if network == "mgmt" else system.addresses.control
    return system.engine.run(
        images.image_tag("tools", system.settings),
        "curl", "-s", "-m", "5", "-w", "\n%{http_code}", f"http://{control}:{PORT}/metrics",
        options=["--init", "--network", system.addresses.network(network), "--ip", str(at)],
    )  # fmt: skip


def scrape(system: Stack) -> dict[str, float]:
    """Return what Prometheus gets, by name and values of labels."""
    text, _, status = ask(system, "sbc", system.settings.instance.subnets.sbc[12]).rpartition("\n")
    assert status == "200", text
    return {
        ":".join([sample.name, *sample.labels.values()]): sample.value
        for family in parse(text)
        for sample in family.samples
    }
