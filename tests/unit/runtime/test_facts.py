from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from ringwall.config.model import Instance, Sbc, Settings
from ringwall.runtime import facts

OWN = IPv4Address("198.51.100.9")


@pytest.fixture(autouse=True)
def _own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "own_address", lambda: OWN)


def test_auto_is_the_hosts_own_address() -> None:
    assert facts.public_address(Settings()) == OWN


def test_what_is_configured_wins() -> None:
    given = IPv4Address("203.0.113.5")
    assert facts.public_address(Settings(sbc=Sbc(public_address=given))) == given


def test_without_published_ports_phones_reach_the_edge() -> None:
    settings = Settings(instance=Instance(publish=False))
    assert facts.public_address(settings) == IPv4Address("10.5.1.2")


def test_without_a_route_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "own_address", lambda: None)
    assert facts.public_address(Settings()) == IPv4Address("10.5.1.2")


def test_every_component_has_an_image() -> None:
    found = facts.find(Settings()).images
    assert all(tag.startswith(f"ringwall/{component}:") for component, tag in found.items())
