"""Who lives at which address: the roles keep their last octet in every subnet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from ringwall.config.model import Node, Settings

Network = Literal["edge", "sbc", "mgmt"]

_KAMAILIO, _MARIADB, _RTPENGINE, _CONTROL, _SYSLOG, _PROMETHEUS = 2, 3, 4, 5, 7, 12


class Addresses:
    """Addresses and names of one instance's containers and networks."""

    def __init__(self, settings: Settings) -> None:
        subnets = settings.instance.subnets
        self._prefix = settings.instance.prefix
        self._sbc: IPv4Network = subnets.sbc
        self.kamailio_sbc = subnets.sbc[_KAMAILIO]
        self.kamailio_edge = subnets.edge[_KAMAILIO]
        self.mariadb = subnets.sbc[_MARIADB]
        self.rtpengine_sbc = subnets.sbc[_RTPENGINE]
        self.rtpengine_edge = subnets.edge[_RTPENGINE]
        self.control = subnets.sbc[_CONTROL]
        self.control_mgmt = subnets.mgmt[_CONTROL]
        self.syslog = subnets.sbc[_SYSLOG]
        # By the name `control` it may come over either network.
        self.prometheus = frozenset({subnets.sbc[_PROMETHEUS], subnets.mgmt[_PROMETHEUS]})

    def container(self, role: str) -> str:
        """The container's name, as ``docker ps`` shows it."""
        return f"{self._prefix}{role}"

    def network(self, name: Network) -> str:
        """The Docker network's name."""
        return f"{self._prefix}{name}_net"

    def is_inside(self, node: Node) -> bool:
        """Whether this PBX is one of the containers on the sbc network."""
        return self.holds(node.address)

    def holds(self, address: IPv4Address) -> bool:
        """Whether the sbc network holds this address."""
        return address in self._sbc
