"""What a machine must offer: everything that lacks is told at once."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from ringwall.config.model import Instance, Ports, Settings, Subnets
from ringwall.config.types import PortRange
from ringwall.errors import RingwallError
from ringwall.runtime import images, preflight
from ringwall.runtime.engine import Engine
from ringwall.runtime.preflight import check, host_routes

PROJECT = "com.docker.compose.project"
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t0000000A\t010200C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0
"""
OWN_BRIDGE = "br-0123456789ab\t0000050A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"


class Machine(Engine):
    """A Docker with these containers and networks, and nothing to build."""

    def __init__(self) -> None:
        super().__init__()
        self.containers: list[dict[str, Any]] = []
        self.networks: list[dict[str, Any]] = []

    def docker(self, *args: str, input: str | None = None, timeout: float = 60) -> str:
        assert args[0] == "info"
        return "/\n"

    def inspect_all(
        self, kind: Literal["container", "network", "volume"], *options: str
    ) -> list[dict[str, Any]]:
        return self.containers if kind == "container" else self.networks


def container(name: str, project: str | None = None, **ports: int) -> dict[str, Any]:
    published = {f"1/{kind}": [{"HostPort": str(number)}] for kind, number in ports.items()}
    return {
        "Name": f"/{name}",
        "Config": {"Labels": {PROJECT: project} if project else None},
        "NetworkSettings": {"Ports": {**published, "9/tcp": None}},
    }


def network(name: str, subnet: str, project: str | None = None) -> dict[str, Any]:
    return {
        "Name": name,
        "Id": "0123456789abcdef",
        "Labels": {PROJECT: project} if project else {},
        "Options": None,
        "IPAM": {"Config": [{"Subnet": subnet}, {"Subnet": "fd00::/64"}]},
    }


@contextmanager
def taken(kind: socket.SocketKind) -> Iterator[int]:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        yield holder.getsockname()[1]


def free_port() -> int:
    with taken(socket.SOCK_STREAM) as number:
        return number


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    routes = tmp_path / "route"
    routes.write_text(ROUTES)
    monkeypatch.setattr(preflight, "_ROUTES", routes)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(images, "missing", lambda *_, **__: [])
    return Machine()


def settings(**ports: Any) -> Settings:
    free = free_port()
    chosen = {"sip": free, "tls": free, "api": free, "rtp": PortRange(free, free), **ports}
    return Settings(instance=Instance(ports=Ports(**chosen)))


def refusal(settings: Settings, machine: Machine, former: str | None = None) -> str:
    with pytest.raises(RingwallError) as raised:
        check(settings, machine, former)
    return str(raised.value)


def test_a_machine_that_has_everything(machine: Machine) -> None:
    machine.networks = [network("bridge", "172.17.0.0/16")]
    check(settings(), machine)


def test_not_root(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "root" in refusal(settings(), machine)


@pytest.mark.parametrize(
    ("kind", "name"), [(socket.SOCK_DGRAM, "udp"), (socket.SOCK_STREAM, "tcp")]
)
def test_a_port_that_a_program_has(machine: Machine, kind: socket.SocketKind, name: str) -> None:
    with taken(kind) as number:
        told = refusal(settings(sip=number), machine)
    assert f"{name} port {number} on this host: taken by another program" in told
    assert "instance.ports" in told


def test_a_port_that_a_container_has_is_said_by_name(machine: Machine) -> None:
    with taken(socket.SOCK_DGRAM) as number:
        machine.containers = [container("their_pbx", "theirs", udp=number)]
        assert "taken by the container their_pbx" in refusal(settings(sip=number), machine)


@pytest.mark.parametrize("project", ["ringwall", "old"])
def test_ports_of_our_own_are_no_obstacle(machine: Machine, project: str) -> None:
    with taken(socket.SOCK_DGRAM) as number:
        machine.containers = [container("x", project, udp=number)]
        check(settings(sip=number), machine, former="old")


def test_nothing_published_needs_no_port(machine: Machine) -> None:
    with taken(socket.SOCK_DGRAM) as number:
        chosen = Instance(publish=False, ports=Ports(sip=number))
        check(Settings(instance=chosen), machine)


def test_many_media_ports_are_one_line(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.HostPort, "is_free", lambda port: port.protocol == "tcp")
    told = refusal(settings(sip=5060, rtp=PortRange(30000, 30199)), machine)
    assert "udp ports 5060, 30000, 30001 and 198 more" in told


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (network("theirs", "10.5.0.0/16"), "10.5.0.0/24 overlaps 10.5.0.0/16 of the Docker"),
        (network("sbc_net", "10.99.0.0/24"), "network sbc_net that is not this instance's"),
    ],
)
def test_foreign_networks(machine: Machine, other: dict[str, Any], told: str) -> None:
    machine.networks = [other]
    assert told in refusal(settings(), machine)


def test_own_networks_and_containers_are_no_obstacle(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "route").write_text(ROUTES + OWN_BRIDGE)
    machine.networks = [network("sbc_net", "10.5.0.0/24", "ringwall")]
    machine.containers = [container("kamailio_sbc", "ringwall"), container("unrelated")]
    check(settings(), machine)


def test_a_container_that_has_our_name(machine: Machine) -> None:
    machine.containers = [container("kamailio_sbc", "theirs")]
    assert "container kamailio_sbc that is not this instance's" in refusal(settings(), machine)


def test_a_network_that_the_host_is_on(machine: Machine) -> None:
    subnets = Subnets(edge=IPv4Network("192.0.2.0/25"))
    chosen = settings().instance.model_copy(update={"subnets": subnets})
    told = refusal(Settings(instance=chosen), machine)
    assert "instance.subnets.edge: 192.0.2.0/25 overlaps 192.0.2.0/24 of a route" in told


def test_routes_through_a_gateway_do_not_count() -> None:
    assert list(host_routes(ROUTES + OWN_BRIDGE)) == [
        ("eth0", IPv4Network("192.0.2.0/24")),
        ("br-0123456789ab", IPv4Network("10.5.0.0/24")),
    ]


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("missing", "free_gib", "refused"),
    [
        (["base-edge", "kamailio"], 4.9, True),
        (["base-edge", "kamailio"], 5.1, False),
        (["kamailio"], 0.9, True),
        (["kamailio"], 1.1, False),
        ([], 0.0, False),
    ],
)
def test_disk(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    missing: list[str],
    free_gib: float,
    refused: bool,
) -> None:
    monkeypatch.setattr(images, "missing", lambda *_, **__: missing)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, int(free_gib * (1 << 30))))
    if refused:
        assert f"{free_gib:.1f} GiB are free" in refusal(settings(), machine)
    else:
        check(settings(), machine)


def test_all_at_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.networks = [network("theirs", "10.5.1.0/24")]
    with taken(socket.SOCK_DGRAM) as number:
        told = refusal(settings(sip=number), machine)
    assert told.count("remedy:") == 3
