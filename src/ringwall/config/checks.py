"""What must hold between settings that are each right in themselves."""

from __future__ import annotations

import ssl
from itertools import combinations
from typing import TYPE_CHECKING

from ringwall.config.errors import Place, dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from ipaddress import IPv4Address
    from pathlib import Path

    from ringwall.config.model import Node, Settings

CONTAINER_HOSTS = frozenset(range(10, 255)) - {12, 13, 14}
"""Host numbers in the sbc subnet that a PBX container may have; the others are other roles'."""

CONTAINER_PORT = 5060

ROLES = frozenset(
    {
        *("kamailio_sbc", "mariadb", "rtpengine", "control", "syslog", "tools", "fail2ban"),
        *("elk", "elk_logstash", "elk_kibana", "filebeat", "homer", "homer_app", "homer_db"),
        *("prometheus", "grafana"),
    }
)
"""Names of the other containers."""

_NG_PORT = 22222  # RTPengine takes Kamailio's commands there
_SERVICES = frozenset({"600", "601", "602"})
_TIMER_C = 180  # RFC 3261, 16.6: a proxy may give up a call that rings this long
_SHORTEST_SILENCE = 5

_DAY = 86400

_SBC: Place = ("instance", "subnets", "sbc")
_EDGE: Place = ("instance", "subnets", "edge")
_MGMT: Place = ("instance", "subnets", "mgmt")
_PUBLIC: Place = ("sbc", "public_address")
_RTP: Place = ("instance", "ports", "rtp")
_ROOMS: Place = ("pbx", "conference_rooms")
_MEDIA_TIMEOUT: Place = ("pbx", "media_timeout")
_HOLD_TIMEOUT: Place = ("pbx", "hold_timeout")


class Finding:
    """A contradiction between ``places``; the first that the file has is blamed."""

    def __init__(self, message: str, remedy: str, *places: Place) -> None:
        self.message = message
        self.remedy = remedy
        self.places = places


def check(settings: Settings, directory: Path) -> list[Finding]:
    """Every contradiction; ``directory`` is what paths in ``settings`` are relative to."""
    findings = [finding for rule in _RULES for finding in rule(settings)]
    return [*findings, *_files(settings, directory)]


def _subnets(settings: Settings) -> Iterator[Finding]:
    subnets = settings.instance.subnets
    named = {_SBC: subnets.sbc, _EDGE: subnets.edge, _MGMT: subnets.mgmt}
    for (one, first), (other, second) in combinations(named.items(), 2):
        if first.overlaps(second):
            message = f"{second} overlaps {dotted(one)} ({first})"
            yield Finding(message, "give each network a subnet of its own", other, one)


def _ports(settings: Settings) -> Iterator[Finding]:
    ports = settings.instance.ports
    named: dict[Place, int] = {
        ("instance", "ports", name): getattr(ports, name) for name in ("sip", "tls", "api")
    }
    for (one, first), (other, second) in combinations(named.items(), 2):
        if first == second:
            message = f"{second} is {dotted(one)} too"
            yield Finding(message, "give each a port of its own", other, one)
    for place, port in named.items():
        if port in ports.rtp:
            message = f"{port} lies in {dotted(_RTP)} ({ports.rtp})"
            yield Finding(message, "move one of them", place, _RTP)


def _rtp(settings: Settings) -> Iterator[Finding]:
    ports = settings.instance.ports.rtp
    remedy = "write first-last, as 30000-30199"
    if ports.first > ports.last:
        yield Finding(f"{ports} ends before it begins", remedy, _RTP)
        return
    if ports.first % 2:
        message = f"{ports} begins with an odd port, and RTP has even ones"
        yield Finding(message, f"begin with {ports.first + 1}", _RTP)
    if len(ports) < 4:
        yield Finding(f"{ports} is too small for a call", "give at least four ports", _RTP)
    if ports.first < 1024:
        yield Finding(f"{ports} holds ports of the system", "begin with 1024 or above", _RTP)
    if _NG_PORT in ports:
        message = f"{ports} holds {_NG_PORT}, where RTPengine takes commands"
        yield Finding(message, "choose a range without it", _RTP)


def _expires(settings: Settings) -> Iterator[Finding]:
    registrar = settings.registrar
    low, usual, high = registrar.min_expires, registrar.default_expires, registrar.max_expires
    lowest, default, highest = (
        ("registrar", f"{name}_expires") for name in ("min", "default", "max")
    )
    if low > high:
        message = f"{low} is more than {dotted(highest)} ({high})"
        yield Finding(message, "make it the smallest of the three", lowest, highest)
    elif not low <= usual <= high:
        message = f"{usual} is not between {dotted(lowest)} and {dotted(highest)}"
        remedy = f"write a time from {low} to {high}"
        yield Finding(message, remedy, default, lowest, highest)


def _public_address(settings: Settings) -> Iterator[Finding]:
    public, subnets = settings.sbc.public_address, settings.instance.subnets
    if public == "auto":
        return
    remedy = "write the address that phones reach, or auto"
    if _is_unusable(public):
        yield Finding(f"no phone can reach {public}", remedy, _PUBLIC)
    for place, subnet in ((_SBC, subnets.sbc), (_MGMT, subnets.mgmt)):
        if public in subnet:
            message = f"{public} lies in {dotted(place)} ({subnet}), which nobody outside reaches"
            yield Finding(message, remedy, _PUBLIC, place)


def _is_unusable(address: IPv4Address) -> bool:
    return (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_reserved
        or address.is_link_local
    )


def _repeated(settings: Settings) -> Iterator[Finding]:
    nodes = dict(enumerate(settings.pbx.nodes))
    rooms = settings.pbx.conference_rooms.split(",")
    lists: list[dict[Place, str]] = [
        {("pbx", "nodes", i, "name"): node.name for i, node in nodes.items()},
        {
            ("pbx", "nodes", i, "address"): f"{node.address}:{node.port}"
            for i, node in nodes.items()
        },
        {("sbc", "domains", i): name for i, name in enumerate(settings.sbc.domains)},
        {
            ("security", "digest", "algorithms", i): name
            for i, name in enumerate(settings.security.digest.algorithms)
        },
    ]
    for values in lists:
        first: dict[str, Place] = {}
        for place, value in values.items():
            earlier = first.setdefault(value, place)
            if earlier != place:
                message = f"{value} stands before in this list"
                yield Finding(message, "write each once", place, earlier)
    if len(set(rooms)) < len(rooms):
        yield Finding("names a room twice", "write each once", _ROOMS)


def _nodes(settings: Settings) -> Iterator[Finding]:
    for i, node in enumerate(settings.pbx.nodes):
        place: Place = ("pbx", "nodes", i)
        inside = node.address in settings.instance.subnets.sbc
        rule = _container if inside else _own_pbx
        yield from rule(settings, node, place)


def _container(settings: Settings, node: Node, place: Place) -> Iterator[Finding]:
    """Check a node that Ringwall runs: its number, port and name must be free."""
    subnet = settings.instance.subnets.sbc
    number = int(node.address) - int(subnet.network_address)
    if number not in CONTAINER_HOSTS or node.address == subnet.broadcast_address:
        free = ", ".join(str(subnet[host]) for host in (10, 11))
        message = f"{node.address} is not free for a PBX in {dotted(_SBC)} ({subnet})"
        remedy = f"use {free}, a number above 14, or an address outside it for your own PBX"
        yield Finding(message, remedy, (*place, "address"), _SBC)
    if node.port != CONTAINER_PORT:
        message = f"{node.port} is not where a container of the sbc subnet listens"
        remedy = f"remove the line, or write {CONTAINER_PORT}"
        yield Finding(message, remedy, (*place, "port"), (*place, "address"), _SBC)
    if node.name in ROLES:
        message = f"{node.name} is the name of another container"
        remedy = "choose another, as asterisk_1"
        yield Finding(message, remedy, (*place, "name"), (*place, "address"), _SBC)


def _own_pbx(settings: Settings, node: Node, place: Place) -> Iterator[Finding]:
    """Check a PBX that somebody else runs: it stands outside of the SBC's own networks."""
    subnets, address = settings.instance.subnets, (*place, "address")
    for other, subnet in ((_EDGE, subnets.edge), (_MGMT, subnets.mgmt)):
        if node.address in subnet:
            message = f"{node.address} lies in {dotted(other)} ({subnet}), where no PBX can be"
            remedy = f"use an address of {dotted(_SBC)} ({subnets.sbc}), or your own PBX's"
            yield Finding(message, remedy, address, other, _SBC)
    if _is_unusable(node.address):
        message = f"no PBX can be reached at {node.address} from a container"
        yield Finding(message, "write the address of its network card", address, _SBC)
    if node.address == settings.sbc.public_address:
        message = f"{node.address} is the SBC itself ({dotted(_PUBLIC)})"
        yield Finding(message, "write the PBX's own address", address, _PUBLIC, _SBC)


def _dialplan(settings: Settings) -> Iterator[Finding]:
    for room in settings.pbx.conference_rooms.split(","):
        if room in _SERVICES or room.startswith("700"):
            message = f"{room} is a service of the dialplan already"
            remedy = "choose numbers other than 600, 601, 602 and 700…"
            yield Finding(message, remedy, _ROOMS)
    if settings.pbx.ring_time.seconds > _TIMER_C:
        message = f"{settings.pbx.ring_time} is longer than a proxy has to let a phone ring"
        yield Finding(message, "write a time from 1s to 3m", ("pbx", "ring_time"))


def _silence(settings: Settings) -> Iterator[Finding]:
    media, hold = settings.pbx.media_timeout, settings.pbx.hold_timeout
    if media.seconds < _SHORTEST_SILENCE:
        message = f"{media} is a pause that calls survive: each would be ended"
        yield Finding(message, f"write {_SHORTEST_SILENCE}s or more", _MEDIA_TIMEOUT)
    if hold.seconds < media.seconds:
        message = f"{hold} is less than {dotted(_MEDIA_TIMEOUT)} ({media})"
        yield Finding(message, f"write {media} or more", _HOLD_TIMEOUT, _MEDIA_TIMEOUT)


def _records(settings: Settings) -> Iterator[Finding]:
    keep = settings.records.retention
    legs: Place = ("records", "retention", "legs")
    if keep.legs is not None and keep.legs.seconds < _DAY:
        message = f"{keep.legs} is too short: legs of a call are added up as they end"
        yield Finding(message, "write 1d or more, or null", legs)
    give_up = settings.telemetry.registrations.give_up_after
    if keep.registration_events is not None and keep.registration_events.seconds < give_up.seconds:
        told: Place = ("telemetry", "registrations", "give_up_after")
        events: Place = ("records", "retention", "registration_events")
        message = f"{keep.registration_events} is less than {dotted(told)} ({give_up})"
        yield Finding(message, "keep events until they are sent or given up", events, told)


def _private_ca(settings: Settings) -> Iterator[Finding]:
    ca = settings.telemetry.registrations.ca
    if ca is None:
        return  # else all public CAs would be read here: 50 ms
    try:
        ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError):
        place: Place = ("telemetry", "registrations", "ca")
        remedy = "paste the CA's file below `ca: |`, indented"
        yield Finding("is no certificate in PEM", remedy, place)


def _files(settings: Settings, directory: Path) -> Iterator[Finding]:
    wheels, ca_file = settings.build.wheels, settings.build.ca_file
    if wheels is not None and not any((directory / wheels.expanduser()).glob("*.whl")):
        message = f"{wheels} is no folder of wheels (from {directory})"
        remedy = "fill it with `pip download`, or remove the line"
        yield Finding(message, remedy, ("build", "wheels"))
    if ca_file is not None and not _is_pem(directory / ca_file.expanduser()):
        message = f"{ca_file} is no readable PEM file (from {directory})"
        yield Finding(message, "write the path of the CA's certificate", ("build", "ca_file"))


def _is_pem(path: Path) -> bool:
    try:
        return b"-----BEGIN CERTIFICATE-----" in path.read_bytes()
    except OSError:
        return False


_RULES: tuple[Callable[[Settings], Iterable[Finding]], ...] = (
    _subnets,
    _ports,
    _rtp,
    _expires,
    _public_address,
    _repeated,
    _nodes,
    _dialplan,
    _silence,
    _records,
    _private_ca,
)
