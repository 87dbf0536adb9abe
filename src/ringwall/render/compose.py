"""The compose file: every container, its networks, addresses, ports, rights and limits.

It is read by docker-compose 1.29 and by Compose v2, hence no top-level ``version`` or
``name``: the project's name is in ``.env`` beside it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from ringwall.config.addresses import Addresses, Network
from ringwall.config.model import Settings
from ringwall.render.containers import Container, containers
from ringwall.render.facts import Facts

FILE_NAME = "docker-compose.yml"
CONFIG_LABEL = "ringwall.config"
_SYSLOG_PORT = 1514

Tree = dict[str, Any]

_HEADER = """\
# Made by `ringwall up` from ringwall.yaml; changes here are lost.
# Plain Compose works too, in this directory: docker-compose up -d, ps, logs, down.
"""


def render(settings: Settings, facts: Facts, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the compose file and ``.env``.

    ``files`` are the other generated files: each container carries a hash of those that it
    reads, so that Compose makes anew exactly those that a change touches.
    """
    found = containers(settings)
    services: Tree = {}
    for one in found:
        label = config_hash(one.component, files)
        if one.inside is not None:
            # Compose 1.29 does not make it anew with the other, and alone it has no network.
            label += "-" + hashlib.sha256(repr(services[one.inside]).encode()).hexdigest()[:12]
        services[one.role] = _service(one, settings, facts.images[one.component], label)
    tree: Tree = {
        "services": services,
        "networks": _networks(settings),
        "volumes": {name: {} for name in sorted({v.source for one in found for v in one.volumes})},
    }
    return {
        FILE_NAME: (_HEADER + _dump(tree)).encode(),
        ".env": f"COMPOSE_PROJECT_NAME={settings.instance.name}\n".encode(),
    }


def config_hash(component: str, files: Mapping[str, bytes]) -> str:
    """Return a hash of the files that a component's containers read."""
    digest = hashlib.sha256()
    for path in sorted(path for path in files if path.startswith(f"{component}/")):
        digest.update(f"{path}\0{len(files[path])}\0".encode() + files[path])
    return digest.hexdigest()[:12]


def _service(one: Container, settings: Settings, image: str, label: str) -> Tree:
    addresses = Addresses(settings)
    parts: Tree = {
        "image": image,
        "container_name": addresses.container(one.role),
        "labels": {CONFIG_LABEL: label},
        "environment": dict(one.environment),
        "depends_on": {role: _inline({"condition": "service_healthy"}) for role in one.waits_for},
        "networks": {
            addresses.network(name): _inline({"ipv4_address": str(address)})
            for name, address in one.networks.items()
        },
        "ports": list(one.ports) if settings.instance.publish else [],
        "volumes": _mounts(one),
        "tmpfs": [f"{path}:{options}" for path, options in one.tmpfs.items()],
        **_confinement(one),
        "healthcheck": _healthcheck(one),
        "logging": _logging(one, addresses),
    }
    return {key: value for key, value in parts.items() if value not in ({}, [])}


def _mounts(one: Container) -> list[str]:
    binds = [f"{source}:{target}:ro" for source, target in one.binds.items()]
    # nocopy: only who writes a volume brings the image's owner and mode into a new one.
    volumes = [
        f"{volume.source}:{volume.target}:{'ro,nocopy' if volume.read_only else 'rw'}"
        for volume in one.volumes
    ]
    return binds + volumes


def _confinement(one: Container) -> Tree:
    return {
        "init": True,
        "read_only": True,
        "cap_drop": _inline(["ALL"]),
        **({"cap_add": _inline(list(one.capabilities))} if one.capabilities else {}),
        **({"network_mode": f"service:{one.inside}"} if one.inside else {}),
        "security_opt": _inline(["no-new-privileges:true"]),
        "mem_limit": f"{one.memory_mb}m",
        "pids_limit": one.processes,
        # No limit of open files: the engine's own serves, and not every engine may raise it.
        "ulimits": _inline({"core": 0}),
        "restart": "unless-stopped",
        "stop_grace_period": f"{one.stop_seconds}s",
    }


def _healthcheck(one: Container) -> Tree:
    return {
        "test": _inline(["CMD", *one.health.command]),
        "interval": f"{one.health.interval}s",
        "timeout": "5s",
        "retries": 3,
        "start_period": f"{one.health.start_period}s",
    }


def _logging(one: Container, addresses: Addresses) -> Tree:
    """Return where the container's output goes; ``docker logs`` shows it in either case."""
    if one.role == "syslog":
        return {"driver": "json-file", "options": _inline({"max-size": "10m", "max-file": "2"})}
    options = {
        "tag": one.role,
        "syslog-address": f"udp://{addresses.syslog}:{_SYSLOG_PORT}",
        "syslog-format": "rfc5424micro",
        "cache-max-size": "10m",
        "cache-max-file": "2",
    }
    return {"driver": "syslog", "options": _inline(options)}


def _inline(value: Tree | list[str]) -> CommentedMap | CommentedSeq:
    """Return a mapping or list that is written on one line."""
    inline = CommentedMap(value) if isinstance(value, dict) else CommentedSeq(value)
    inline.fa.set_flow_style()
    return inline


def _networks(settings: Settings) -> Tree:
    """Return the networks, each called by its full name.

    docker-compose 1.29 labels a network with its name and Compose v2 looks for the key: where
    both are one, either can go on with what the other made.
    """
    addresses, subnets = Addresses(settings), settings.instance.subnets
    named: dict[Network, Tree] = {
        "edge": _network(subnets.edge),
        "sbc": {**_network(subnets.sbc), "internal": True},
        "mgmt": _network(subnets.mgmt),
    }
    return {
        addresses.network(name): {"name": addresses.network(name), **network}
        for name, network in named.items()
    }


def _network(subnet: IPv4Network) -> Tree:
    """Return a network whose lower half is never given to a container that asks for any."""
    given = {
        "subnet": str(subnet),
        "gateway": str(subnet[1]),
        "ip_range": str(list(subnet.subnets())[1]),
    }
    return {"ipam": {"config": [_inline(given)]}}


def _dump(tree: Tree) -> str:
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(tree, text)
    return text.getvalue()
