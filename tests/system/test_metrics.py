"""Control's numbers: for Prometheus on the inside, and nobody on the edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.system import metrics
from tests.system.party import Party

from ringwall.checks.phone import wait_until
from ringwall.runtime.engine import CommandFailed

if TYPE_CHECKING:
    from tests.system.stack import Stack

_REGISTRATIONS = "ringwall_records_written_total:registration"


def test_prometheus_sees_a_registration_written(system: Stack) -> None:
    before = metrics.scrape(system)[_REGISTRATIONS]
    with Party(system, system.subscriber()) as alice:
        alice.register()
    wait_until(lambda: metrics.scrape(system)[_REGISTRATIONS] > before, 15, "the counter to grow")
    assert metrics.scrape(system)["ringwall_records_rejected_total"] == 0


def test_only_prometheus_gets_metrics_without_a_token(system: Stack) -> None:
    subnets = system.settings.instance.subnets
    assert metrics.ask(system, "mgmt", subnets.mgmt[12]).endswith("\n200")
    others = (
        metrics.ask(system, "sbc", subnets.sbc[99]),
        metrics.ask(system, "mgmt", subnets.mgmt[99]),
    )
    for said in others:
        assert said.endswith("\n401")
        assert "ringwall_" not in said
    with pytest.raises(CommandFailed):
        metrics.ask(system, "edge", subnets.edge[12])
