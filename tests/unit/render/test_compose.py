"""The compose file keeps what docs/architecture.md promises of the containers."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from ruamel.yaml import YAML

from ringwall.config.model import Build, Instance, Node, Pbx, Registrar, Sbc, Settings, Subnets
from ringwall.config.types import Duration
from ringwall.render import Facts, render
from ringwall.render.compose import CONFIG_LABEL

IMAGES = ("kamailio", "rtpengine", "asterisk", "mariadb", "syslog", "control", "fail2ban", "tools")
FACTS = Facts(IPv4Address("192.0.2.10"), {name: f"ringwall/{name}:1" for name in IMAGES})


def compose(settings: Settings | None = None, facts: Facts = FACTS) -> dict[str, Any]:
    text = render(settings or Settings(), facts)["docker-compose.yml"]
    loaded: dict[str, Any] = YAML(typ="safe").load(text)
    return loaded


def labels(settings: Settings, facts: Facts = FACTS) -> dict[str, str]:
    services = compose(settings, facts)["services"]
    return {role: service["labels"][CONFIG_LABEL] for role, service in services.items()}


def changed(before: Settings, after: Settings) -> set[str]:
    old, new = labels(before), labels(after)
    return {role for role in old if old[role] != new[role]}


def test_addresses_of_the_seed_layout() -> None:
    found = {
        role: {name: net["ipv4_address"] for name, net in service.get("networks", {}).items()}
        for role, service in compose()["services"].items()
    }
    assert found == {
        "kamailio_sbc": {"edge_net": "10.5.1.2", "sbc_net": "10.5.0.2"},
        "rtpengine": {"edge_net": "10.5.1.4", "sbc_net": "10.5.0.4"},
        "asterisk_1": {"sbc_net": "10.5.0.10"},
        "asterisk_2": {"sbc_net": "10.5.0.11"},
        "control": {"sbc_net": "10.5.0.5", "mgmt_net": "10.5.2.5"},
        "mariadb": {"sbc_net": "10.5.0.3"},
        "syslog": {"sbc_net": "10.5.0.7"},
        "fail2ban": {},
    }


def test_only_the_edge_is_published_beyond_this_host() -> None:
    published = {
        role: service["ports"]
        for role, service in compose()["services"].items()
        if "ports" in service
    }
    assert published == {
        "kamailio_sbc": ["5060:5060/udp", "5060:5060/tcp", "5061:5061/tcp"],
        "rtpengine": ["30000-30199:30000-30199/udp"],
        "control": ["127.0.0.1:8080:8080/tcp"],
    }


def test_publish_false_publishes_nothing() -> None:
    settings = Settings(instance=Instance(publish=False))
    assert not any("ports" in service for service in compose(settings)["services"].values())


def test_the_inside_is_internal_and_the_others_are_not() -> None:
    networks = compose()["networks"]
    assert {name for name, network in networks.items() if network.get("internal")} == {"sbc_net"}


def test_compose_1_and_2_find_each_others_networks() -> None:
    networks = compose(Settings(instance=Instance(prefix="a_")))["networks"]
    assert all(key == network["name"] for key, network in networks.items())


def test_no_container_that_asks_for_any_address_gets_a_role_s() -> None:
    for network in compose()["networks"].values():
        (config,) = network["ipam"]["config"]
        taken = [IPv4Network(config["subnet"])[number] for number in (1, 2, 3, 4, 5, 7, 10, 11)]
        assert not any(address in IPv4Network(config["ip_range"]) for address in taken)


@pytest.mark.parametrize("role", compose()["services"])
def test_every_container_is_confined(role: str) -> None:
    service = compose()["services"][role]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"].get("tag", role) == role
    assert "privileged" not in service
    assert not any(":rw" in mount for mount in service["volumes"] if mount.startswith("."))


def test_only_the_kernel_s_bans_take_a_capability() -> None:
    services = compose()["services"]
    assert {role: one["cap_add"] for role, one in services.items() if "cap_add" in one} == {
        "fail2ban": ["NET_ADMIN"]
    }
    assert services["fail2ban"]["network_mode"] == "service:kamailio_sbc"


def test_who_waits_for_whom() -> None:
    services = compose()["services"]
    waits = {role: set(service.get("depends_on", ())) for role, service in services.items()}
    assert waits["kamailio_sbc"] == {"mariadb", "control"}
    assert waits["control"] == {"mariadb"}
    assert not any(waits[role] for role in ("mariadb", "rtpengine", "asterisk_1", "syslog"))


def test_each_component_sees_its_own_secrets_only() -> None:
    for role, service in compose()["services"].items():
        component = service["image"].removeprefix("ringwall/").removesuffix(":1")
        secrets = [mount for mount in service["volumes"] if "secrets" in mount]
        expected = f"../secrets/{component}:/run/ringwall/secrets:ro"
        assert secrets in ([], [expected]), role


def test_both_asterisks_are_one_but_for_name_and_address() -> None:
    services = compose()["services"]
    for key in ("image", "volumes", "labels", "tmpfs", "healthcheck"):
        assert services["asterisk_1"][key] == services["asterisk_2"][key]
    assert services["asterisk_1"]["environment"] == {"NODE_NAME": "asterisk_1"}


def test_a_pbx_outside_is_no_container() -> None:
    own = Node(name="office", address=IPv4Address("192.168.10.10"))
    found = compose(Settings(pbx=Pbx(nodes=(own,))))
    assert "office" not in found["services"]
    assert "voicemail" not in found["volumes"]


def test_a_change_touches_the_containers_that_read_it() -> None:
    base = Settings()
    longer = Settings(registrar=Registrar(max_expires=Duration(7200)))
    # What is in its network is made anew with it.
    assert changed(base, longer) == {"kamailio_sbc", "fail2ban", "control"}
    ringing = Settings(pbx=Pbx(ring_time=Duration(45)))
    assert changed(base, ringing) == {"asterisk_1", "asterisk_2", "control"}


def test_where_images_come_from_touches_no_configuration() -> None:
    mirror = Build(debian_mirror="http://mirror.example/debian")
    assert not changed(Settings(), Settings(build=mirror))


def test_the_public_address_touches_the_edge() -> None:
    moved = Facts(IPv4Address("198.51.100.7"), FACTS.images)
    before, after = labels(Settings()), labels(Settings(), moved)
    assert {role for role in before if before[role] != after[role]} == {
        "kamailio_sbc",
        "fail2ban",
        "rtpengine",
    }


def test_another_instance_shares_no_name_and_no_address() -> None:
    other = Settings(
        sbc=Sbc(public_address=IPv4Address("10.9.1.2")),
        pbx=Pbx(nodes=(Node(name="asterisk_1", address=IPv4Address("10.9.0.10")),)),
        instance=Instance(
            name="other",
            prefix="other_",
            subnets=Subnets(
                sbc=IPv4Network("10.9.0.0/24"),
                edge=IPv4Network("10.9.1.0/24"),
                mgmt=IPv4Network("10.9.2.0/24"),
            ),
        ),
    )
    files = render(other, FACTS)
    assert files[".env"] == b"COMPOSE_PROJECT_NAME=other\n"
    assert not any(b"10.5." in content for content in files.values())
    services = compose(other)["services"].values()
    assert all(service["container_name"].startswith("other_") for service in services)
