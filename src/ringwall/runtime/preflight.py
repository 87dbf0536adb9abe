"""What a machine must offer before anything is changed on it: all that lacks is told at once."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringwall.config.addresses import Addresses
from ringwall.errors import RingwallError
from ringwall.render.containers import containers
from ringwall.runtime import images

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ringwall.config.model import Instance, Settings
    from ringwall.runtime.engine import Engine

_PROJECT = "com.docker.compose.project"
_GIB = 1 << 30
_ALL_IMAGES_GIB = 5
_SOME_IMAGES_GIB = 1
_ROUTES = Path("/proc/net/route")
_VIA_GATEWAY = 0x2  # RTF_GATEWAY, linux/route.h


@dataclass(frozen=True)
class Problem:
    """Something the machine lacks, and what can be done about it."""

    what: str
    remedy: str


@dataclass(frozen=True)
class HostPort:
    """A port on the host: ``udp`` or ``tcp``, on one address or on all (0.0.0.0)."""

    protocol: str
    address: str
    number: int

    def is_free(self) -> bool:
        """Whether it can be listened on."""
        kind = socket.SOCK_DGRAM if self.protocol == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as probe:
            if self.protocol == "tcp":  # connections that just ended do not count
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.address, self.number))
            except OSError as error:
                if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                    return False
                raise
        return True


def check(settings: Settings, engine: Engine, former: str | None = None) -> None:
    """Raise RingwallError with every reason why this machine cannot run ``settings`` now.

    What belongs to the Compose project of the instance is no obstacle, nor what belongs to
    ``former``, the project that it replaces.
    """
    ours = {settings.instance.name, former}
    problems = [
        *_rights(),
        *_ports(settings.instance, engine, ours),
        *_names(settings, engine, ours),
        *_subnets(settings, engine, ours),
        *_disk(settings, engine),
    ]
    if problems:
        told = [f"  {one.what}\n    remedy: {one.remedy}" for one in problems]
        raise RingwallError("\n".join(["nothing was started:", *told]))


def _rights() -> Iterator[Problem]:
    if os.geteuid() != 0:
        yield Problem(
            "only root can give each container's secrets to its own user id", "sudo ringwall up"
        )


def published(instance: Instance) -> list[HostPort]:
    """Return the ports that the instance publishes on the host."""
    if not instance.publish:
        return []
    ports = instance.ports
    media = range(ports.rtp.first, ports.rtp.last + 1)
    return [
        HostPort("udp", "0.0.0.0", ports.sip),  # noqa: S104 - what Compose publishes
        HostPort("tcp", "0.0.0.0", ports.sip),  # noqa: S104
        HostPort("tcp", "0.0.0.0", ports.tls),  # noqa: S104
        HostPort("tcp", "127.0.0.1", ports.api),
        *(HostPort("udp", "0.0.0.0", number) for number in media),  # noqa: S104
    ]


def _ports(instance: Instance, engine: Engine, ours: set[str | None]) -> Iterator[Problem]:
    holders = _holders(engine) if instance.publish else {}
    taken: dict[tuple[str, str], list[int]] = {}
    for port in published(instance):
        name, project = holders.get((port.protocol, port.number), ("", None))
        if (project is None or project not in ours) and not port.is_free():
            taken.setdefault((port.protocol, name), []).append(port.number)
    for (protocol, name), numbers in taken.items():
        by = f"by the container {name}" if name else "by another program"
        look = f"docker stop {name}" if name else f"ss -lnp 'sport = :{numbers[0]}' shows it"
        yield Problem(
            f"{protocol} {_spoken(numbers)} on this host: taken {by}",
            f"{look}; or choose others in instance.ports, or instance.publish: false",
        )


def _spoken(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"port {numbers[0]}"
    shown = ", ".join(map(str, numbers[:3]))
    return f"ports {shown}{f' and {len(numbers) - 3} more' if len(numbers) > 3 else ''}"


def _holders(engine: Engine) -> dict[tuple[str, int], tuple[str, str | None]]:
    """Return which container (name, Compose project) publishes each port."""
    found: dict[tuple[str, int], tuple[str, str | None]] = {}
    for container in engine.inspect_all("container"):
        owner = (container["Name"].lstrip("/"), _project(container["Config"]))
        for inside, bindings in container["NetworkSettings"]["Ports"].items():
            for binding in bindings or ():
                found[inside.partition("/")[2], int(binding["HostPort"])] = owner
    return found


def _project(labelled: Mapping[str, Any]) -> str:
    """Return the Compose project of a container or a network; empty where it is of none."""
    return str((labelled["Labels"] or {}).get(_PROJECT, ""))


def _names(settings: Settings, engine: Engine, ours: set[str | None]) -> Iterator[Problem]:
    names = Addresses(settings)
    wanted = {names.container(one.role) for one in containers(settings)}
    for container in engine.inspect_all("container", "--all"):
        name = container["Name"].lstrip("/")
        if name in wanted and _project(container["Config"]) not in ours:
            yield _foreign("container", name)
    networks = {names.network("sbc"), names.network("edge"), names.network("mgmt")}
    for network in engine.inspect_all("network"):
        if network["Name"] in networks and _project(network) not in ours:
            yield _foreign("network", network["Name"])


def _foreign(kind: str, name: str) -> Problem:
    return Problem(
        f"there is a Docker {kind} {name} that is not this instance's",
        f"docker {kind} rm {name}, if nobody needs it; or set instance.prefix in ringwall.yaml",
    )


def _subnets(settings: Settings, engine: Engine, ours: set[str | None]) -> Iterator[Problem]:
    subnets = settings.instance.subnets
    wanted = {"sbc": subnets.sbc, "edge": subnets.edge, "mgmt": subnets.mgmt}
    networks = engine.inspect_all("network")
    bridges = {_bridge(network) for network in networks}
    others = [
        (f"the Docker network {network['Name']}", subnet)
        for network in networks
        if _project(network) not in ours
        for subnet in _subnets_of(network)
    ]
    others += [
        (f"a route of this host ({device})", subnet)
        for device, subnet in host_routes(_ROUTES.read_text())
        if device not in bridges
    ]
    for name, subnet in wanted.items():
        for who, other in others:
            if subnet.overlaps(other):
                yield Problem(
                    f"instance.subnets.{name}: {subnet} overlaps {other} of {who}",
                    f"set instance.subnets.{name} in ringwall.yaml to a subnet that is free",
                )


def _subnets_of(network: dict[str, Any]) -> Iterator[IPv4Network]:
    for config in network["IPAM"]["Config"] or ():
        if "." in (subnet := config.get("Subnet", "")):
            yield IPv4Network(subnet, strict=False)


def _bridge(network: dict[str, Any]) -> str:
    named = (network["Options"] or {}).get("com.docker.network.bridge.name")
    return named or f"br-{network['Id'][:12]}"


def host_routes(table: str) -> Iterator[tuple[str, IPv4Network]]:
    """Return device and subnet of the routes in a ``/proc/net/route`` that ours would break.

    A subnet through a gateway stays reachable but for our own addresses, which are more specific;
    the default route likewise.
    """
    for line in table.splitlines()[1:]:
        device, destination, _, flags, _, _, _, mask, *_ = line.split()
        bits = int(mask, 16).bit_count()
        if bits and not int(flags, 16) & _VIA_GATEWAY:
            address = int.from_bytes(bytes.fromhex(destination), "little")
            yield device, IPv4Network((address, bits), strict=False)


def _disk(settings: Settings, engine: Engine) -> Iterator[Problem]:
    missing = images.missing(settings, engine=engine)
    folder = Path(engine.docker("info", "--format", "{{.DockerRootDir}}").strip())
    if not missing or not folder.is_dir():  # an engine elsewhere
        return
    needed = _ALL_IMAGES_GIB if "base-edge" in missing else _SOME_IMAGES_GIB
    free = shutil.disk_usage(folder).free
    if free < needed * _GIB:
        yield Problem(
            f"{folder}: {free / _GIB:.1f} GiB are free; building images takes {needed} GiB",
            "docker system df shows what Docker keeps; free space, or move its data-root",
        )
