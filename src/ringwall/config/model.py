"""What a Ringwall can be set to: every setting is declared here, once.

Type, default, unit and help of a setting stand in one place; the JSON Schema, the
reference page and the commented sample are made from these classes.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from ringwall.config.records_model import Records
from ringwall.config.section import Section
from ringwall.config.security_model import Security
from ringwall.config.types import (
    Address,
    ApiUrl,
    DomainName,
    Duration,
    InstanceName,
    NodeName,
    PortRange,
    PublicAddress,
    Subnet,
)

Port = Annotated[int, Field(ge=1, le=65535)]


class Sbc(Section):
    """The edge as the Internet sees it."""

    public_address: PublicAddress = Field(
        "auto",
        description="The address that phones and carriers reach. auto: the host's own address "
        "on its default route; set it when the host is behind a NAT.",
    )
    domains: tuple[DomainName, ...] = Field(
        ("sip.example.com",),
        min_length=1,
        description="SIP domains served. The first is the digest realm: changing it makes every "
        "stored password unusable.",
    )


class Ports(Section):
    """Ports of the edge, and of the API on 127.0.0.1."""

    sip: Port = Field(5060, description="SIP over UDP and TCP.")
    tls: Port = Field(5061, description="SIP over TLS.")
    api: Port = Field(8080, description="The API, published on 127.0.0.1 only.")
    rtp: PortRange = Field(
        PortRange(30000, 30199),
        description="Media (UDP), first-last. A call takes four ports: two for each side.",
    )


class Subnets(Section):
    """The three Docker networks. Each role keeps its last octet."""

    sbc: Subnet = Field(
        IPv4Network("10.5.0.0/24"), description="The inside; nothing outside reaches it."
    )
    edge: Subnet = Field(
        IPv4Network("10.5.1.0/24"), description="The outside; published ports arrive here."
    )
    mgmt: Subnet = Field(
        IPv4Network("10.5.2.0/24"), description="Management ports, published on 127.0.0.1."
    )


class Instance(Section):
    """Which Ringwall this is, when a machine runs several."""

    name: InstanceName = Field("ringwall", description="The Compose project.")
    prefix: str = Field(
        "",
        max_length=32,
        pattern=r"^([a-z0-9][a-z0-9_-]*_)?$",
        examples=["lab_"],
        description="Put before every container and network name; ends with an underscore.",
    )
    publish: bool = Field(
        True, description="Publish ports on the host. false: reachable on the Docker networks only."
    )
    ports: Ports = Field(Ports(), description="Ports.")
    subnets: Subnets = Field(Subnets(), description="Addresses of the Docker networks.")


class Probe(Section):
    """How the SBC notices that a PBX node is down, and that it is back."""

    interval: Duration = Field(Duration(5), description="Time between two OPTIONS requests.")
    down_after: int = Field(2, ge=1, le=10, description="Unanswered probes until it is down.")
    up_after: int = Field(1, ge=1, le=10, description="Answered probes until it is up again.")


class Node(Section):
    """A PBX. Addresses inside the sbc network are the containers that Ringwall runs."""

    name: NodeName = Field(description="The node's name in records, metrics and status.")
    address: Address = Field(
        description="Where it listens. An address outside the sbc network is a PBX of your own."
    )
    port: Port = Field(5060, description="Its SIP port (UDP).")


DEFAULT_NODES = {"asterisk_1": 10, "asterisk_2": 11}
"""Names and host numbers, in the sbc subnet, of the nodes where none are written."""


class Pbx(Section):
    """The PBX nodes behind the SBC; calls go round-robin over those that are up."""

    probe: Probe = Field(Probe(), description="Probing.")
    nodes: tuple[Node, ...] = Field(
        tuple(
            Node(name=name, address=IPv4Address("10.5.0.0") + host)
            for name, host in DEFAULT_NODES.items()
        ),
        min_length=1,
        description="The nodes. Where none are written, the two containers have the numbers 10 "
        "and 11 of the sbc subnet, whichever that is.",
    )
    ring_time: Duration = Field(
        Duration(30), description="How long a phone rings before the mailbox answers."
    )
    media_timeout: Duration = Field(
        Duration(120),
        description="A phone that sends no media for so long in a call has vanished, and the call "
        "is ended. On record it ends when the media did, which is right for a PBX of your own too "
        "when its rtp_timeout is the same.",
    )
    hold_timeout: Duration = Field(
        Duration(7200),
        description="The same for a phone that has put the call on hold (rtp_timeout_hold).",
    )
    conference_rooms: str = Field(
        "603",
        pattern=r"^[0-9]+(,[0-9]+)*$",
        examples=["603,604"],
        description="Numbers that are conference rooms, separated by commas: everyone who dials "
        "one meets on the same node.",
    )


class Registrar(Section):
    """Registrations of phones."""

    default_expires: Duration = Field(
        Duration(600), description="Lifetime when the phone asks for none."
    )
    min_expires: Duration = Field(Duration(60), description="Shortest lifetime granted.")
    max_expires: Duration = Field(Duration(3600), description="Longest lifetime granted.")
    max_contacts: int = Field(5, ge=1, le=50, description="Phones that one user may register.")
    keepalive: Duration = Field(
        Duration(30), description="Time between two keep-alives to a phone behind a NAT."
    )


class Registrations(Section):
    """An application of yours that is told of every registration (docs/registrations.md)."""

    url: ApiUrl | None = Field(
        None,
        examples=["https://app.example.com/registrations"],
        description="Where each event is POSTed; http:// only where this says so, redirects are "
        "not followed. null: events are kept as history alone.",
    )
    timeout: Duration = Field(Duration(5), description="For a whole request, answer included.")
    give_up_after: Duration = Field(
        Duration(86400),
        description="An event that could not be delivered for so long is parked: "
        "`ringwall pushes` shows and resends it.",
    )
    parallel: int = Field(
        16, ge=1, le=128, description="Requests at the same time, of different users."
    )
    batch: int = Field(
        1,
        ge=1,
        le=500,
        description="Most events in a request. 1: its body is one document; more: a JSON array, "
        "also of a single one.",
    )
    max_pending: int = Field(
        1_000_000,
        ge=1000,
        le=50_000_000,
        description="Most events that wait, about 2 KB each; beyond it the oldest are parked.",
    )
    ca: str | None = Field(
        None,
        pattern=r"-----BEGIN CERTIFICATE-----\n",
        description="PEM text of the CA that signed the application's certificate, instead of "
        "the public ones.",
    )


class Telemetry(Section):
    """What others are told."""

    registrations: Registrations = Field(Registrations(), description="Registrations.")


class Build(Section):
    """Where the images are made from."""

    debian_mirror: str = Field(
        "http://deb.debian.org/debian",
        pattern=r"^https?://\S+$",
        examples=["http://mirror.example.com/debian"],
        description="Debian mirror.",
    )
    security_mirror: str = Field(
        "http://deb.debian.org/debian-security",
        pattern=r"^https?://\S+$",
        examples=["http://mirror.example.com/debian"],
        description="Mirror of Debian's security updates.",
    )
    edge_suite: str = Field(
        "sid",
        pattern=r"^[a-z][a-z-]*$",
        examples=["trixie"],
        description="Suite of Kamailio, RTPengine and Asterisk.",
    )
    stable_suite: str = Field(
        "trixie",
        pattern=r"^[a-z][a-z-]*$",
        examples=["trixie"],
        description="Suite of everything else.",
    )
    snapshot: str | None = Field(
        None,
        pattern=r"^\d{8}T\d{6}Z$",
        examples=["20261101T000000Z"],
        description="Pin both suites to this moment of snapshot.debian.org, as "
        "20261101T000000Z: the same packages at every build.",
    )
    wheels: Path | None = Field(
        None, description="Folder of Python wheels to install from, instead of the package index."
    )
    ca_file: Path | None = Field(
        None, description="PEM file of a CA that the mirrors' certificates need, while building."
    )
    registry: str = Field(
        "docker.io/library/",
        pattern=r"^([A-Za-z0-9.:_/-]+/)?$",
        examples=["registry.example.com/"],
        description="Prefix of the base images; empty: always make them from the mirror.",
    )


class Settings(Section):
    """A whole ringwall.yaml."""

    sbc: Sbc = Field(Sbc(), description="The edge.")
    pbx: Pbx = Field(Pbx(), description="The PBX nodes.")
    registrar: Registrar = Field(Registrar(), description="Registrations.")
    security: Security = Field(Security(), description="Security.")
    telemetry: Telemetry = Field(Telemetry(), description="Telemetry.")
    records: Records = Field(Records(), description="Records.")
    instance: Instance = Field(Instance(), description="Names, addresses, ports.")
    build: Build = Field(Build(), description="Images.")

    @model_validator(mode="after")
    def _default_nodes_follow_the_subnet(self) -> Self:
        if "nodes" not in self.pbx.model_fields_set:
            sbc = self.instance.subnets.sbc
            nodes = tuple(Node(name=name, address=sbc[n]) for name, n in DEFAULT_NODES.items())
            moved = self.pbx.model_copy(update={"nodes": nodes})
            object.__setattr__(self, "pbx", moved)  # frozen for everyone else
        return self
