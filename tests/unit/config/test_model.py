from __future__ import annotations

import json
from ipaddress import IPv4Address

import pytest

from ringwall.config.model import Settings
from ringwall.config.types import Duration, PortRange


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"sbc": {"public_address": "203.0.113.5", "domains": ["a.example", "192.0.2.1"]}},
        {"instance": {"subnets": {"sbc": "10.9.0.0/28"}, "ports": {"rtp": "4000-4099"}}},
        {"pbx": {"nodes": [{"name": "own", "address": "192.168.10.10", "port": 5080}]}},
        {"build": {"wheels": "wheels", "ca_file": "/etc/ca.pem", "snapshot": "20261101T000000Z"}},
    ],
)
def test_settings_survive_being_json(data: dict[str, object]) -> None:
    settings = Settings.model_validate(data)
    text = json.dumps(settings.model_dump(mode="json"))
    assert Settings.model_validate(json.loads(text)) == settings
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_settings_are_written_as_people_write_them() -> None:
    dump = Settings().model_dump(mode="json")
    assert dump["pbx"]["probe"]["interval"] == "5s"
    assert dump["registrar"]["default_expires"] == "10m"
    assert dump["instance"]["ports"]["rtp"] == "30000-30199"
    assert dump["instance"]["subnets"]["sbc"] == "10.5.0.0/24"


def test_in_python_the_values_have_their_types() -> None:
    settings = Settings()
    assert settings.pbx.probe.interval == Duration(5)
    assert settings.instance.ports.rtp == PortRange(30000, 30199)
    assert Settings.model_validate(settings.model_dump()) == settings


def _nodes(data: object) -> list[str]:
    return [str(node.address) for node in Settings.model_validate(data).pbx.nodes]


def test_default_nodes_follow_the_subnet() -> None:
    assert _nodes({}) == ["10.5.0.10", "10.5.0.11"]
    moved = {"instance": {"subnets": {"sbc": "10.9.8.16/28"}}}
    assert _nodes(moved) == ["10.9.8.26", "10.9.8.27"]
    assert _nodes({**moved, "pbx": {"ring_time": "20s"}}) == ["10.9.8.26", "10.9.8.27"]


def test_written_nodes_stay_where_they_are() -> None:
    data = {
        "instance": {"subnets": {"sbc": "10.9.8.0/24"}},
        "pbx": {"nodes": [{"name": "own", "address": "10.5.0.10"}]},
    }
    assert _nodes(data) == ["10.5.0.10"]


def test_following_leaves_the_defaults_of_others_alone() -> None:
    Settings.model_validate({"instance": {"subnets": {"sbc": "10.9.8.0/24"}}})
    assert Settings().pbx.nodes[0].address == IPv4Address("10.5.0.10")


def test_an_empty_section_is_all_defaults() -> None:
    data = {"sbc": None, "pbx": {"probe": None}, "instance": None}
    assert Settings.model_validate(data) == Settings()
