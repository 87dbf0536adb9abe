from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringwall.config.checks import check
from ringwall.config.errors import dotted
from ringwall.config.model import Settings


def found(data: dict[str, Any], directory: Path = Path("/nowhere")) -> list[str]:
    return [
        f"{dotted(finding.places[0])}: {finding.message}; {finding.remedy}"
        for finding in check(Settings.model_validate(data), directory)
    ]


def node(**changes: object) -> dict[str, Any]:
    return {"name": "own", "address": "192.168.10.10", **changes}


def pbx(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"pbx": {"nodes": nodes}}


def subnets(**changes: str) -> dict[str, Any]:
    return {"instance": {"subnets": changes}}


def ports(**changes: object) -> dict[str, Any]:
    return {"instance": {"ports": changes}}


GOOD = [
    {},
    pbx(node()),
    pbx(node(), node(name="other", port=5080)),
    pbx(node(name="a", address="10.5.0.254"), node(name="b", address="10.5.0.15")),
    pbx(node(name="mariadb")),
    subnets(sbc="172.30.0.0/28"),
    subnets(sbc="10.64.0.0/16", edge="10.65.0.0/20"),
    ports(sip=5080, rtp="40000-40003"),
    {"sbc": {"public_address": "203.0.113.5"}},
    {"sbc": {"public_address": "10.5.1.2"}},
    {"sbc": {"public_address": "192.168.0.5"}},
    {"registrar": {"min_expires": "5m", "default_expires": "5m", "max_expires": "5m"}},
    {"pbx": {"conference_rooms": "603,604,8000", "ring_time": "3m"}},
    {"records": {"retention": {"legs": "1d", "registration_events": None}}},
]

BAD = [
    (
        {"telemetry": {"registrations": {"ca": "-----BEGIN CERTIFICATE-----\nno"}}},
        "telemetry.registrations.ca: is no certificate in PEM",
    ),
    ({"records": {"retention": {"legs": "23h"}}}, "records.retention.legs: 23h is too short"),
    (
        {"records": {"retention": {"registration_events": "1h"}}},
        "registration_events: 1h is less than telemetry.registrations.give_up_after (1d)",
    ),
    (subnets(edge="10.5.0.0/24"), "subnets.edge: 10.5.0.0/24 overlaps instance.subnets.sbc"),
    (subnets(mgmt="10.5.0.0/16"), "subnets.mgmt: 10.5.0.0/16 overlaps instance.subnets.edge"),
    (ports(tls=5060), "instance.ports.tls: 5060 is instance.ports.sip too"),
    (ports(api=5061), "instance.ports.api: 5061 is instance.ports.tls too"),
    (ports(sip=30100), "instance.ports.sip: 30100 lies in instance.ports.rtp (30000-30199)"),
    (ports(rtp="8000-8999"), "instance.ports.api: 8080 lies in instance.ports.rtp (8000-8999)"),
    (ports(rtp="30199-30000"), "instance.ports.rtp: 30199-30000 ends before it begins"),
    (ports(rtp="30001-30100"), "begins with an odd port, and RTP has even ones; begin with 30002"),
    (ports(rtp="30000-30002"), "30000-30002 is too small for a call; give at least four ports"),
    (ports(rtp="1000-1100"), "1000-1100 holds ports of the system; begin with 1024"),
    (ports(rtp="20000-24000"), "20000-24000 holds 22222, where RTPengine takes commands"),
    ({"registrar": {"min_expires": "2h"}}, "registrar.min_expires: 2h is more than registrar.max"),
    ({"registrar": {"default_expires": "2h"}}, "default_expires: 2h is not between registrar.min"),
    ({"registrar": {"min_expires": "11m"}}, "expires: 10m is not between"),
    ({"sbc": {"public_address": "10.5.0.2"}}, "10.5.0.2 lies in instance.subnets.sbc"),
    ({"sbc": {"public_address": "10.5.2.9"}}, "10.5.2.9 lies in instance.subnets.mgmt"),
    ({"sbc": {"public_address": "127.0.0.1"}}, "sbc.public_address: no phone can reach 127.0.0.1"),
    ({"sbc": {"public_address": "0.0.0.0"}}, "no phone can reach 0.0.0.0; write the address that"),
    ({"sbc": {"public_address": "224.0.0.1"}}, "no phone can reach 224.0.0.1"),
    ({"sbc": {"domains": ["a.example", "A.example"]}}, "sbc.domains[1]: a.example stands before"),
    ({"security": {"digest": {"algorithms": ["MD5", "MD5"]}}}, "algorithms[1]: MD5 stands before"),
    (pbx(node(), node(address="192.168.10.11")), "pbx.nodes[1].name: own stands before"),
    (pbx(node(), node(name="b")), "pbx.nodes[1].address: 192.168.10.10:5060 stands before"),
    *(
        (pbx(node(address=f"10.5.0.{host}")), f"nodes[0].address: 10.5.0.{host} is not free for a")
        for host in (0, 1, 2, 5, 9, 12, 13, 14, 255)
    ),
    (
        {**subnets(sbc="172.30.0.0/28"), **pbx(node(address="172.30.0.15"))},
        "172.30.0.15 is not free for a PBX in instance.subnets.sbc (172.30.0.0/28)",
    ),
    (
        {**subnets(sbc="10.64.0.0/16"), **pbx(node(address="10.64.1.10"))},
        "10.64.1.10 is not free for a PBX",
    ),
    (pbx(node(address="10.5.0.10", port=5061)), "nodes[0].port: 5061 is not where a container"),
    (pbx(node(address="10.5.0.10", name="mariadb")), "mariadb is the name of another container"),
    (pbx(node(address="10.5.1.10")), "10.5.1.10 lies in instance.subnets.edge"),
    (pbx(node(address="10.5.2.10")), "10.5.2.10 lies in instance.subnets.mgmt"),
    (pbx(node(address="127.0.0.1")), "no PBX can be reached at 127.0.0.1 from a container"),
    (
        {"sbc": {"public_address": "192.168.10.10"}, **pbx(node())},
        "pbx.nodes[0].address: 192.168.10.10 is the SBC itself (sbc.public_address)",
    ),
    ({"pbx": {"conference_rooms": "600"}}, "600 is a service of the dialplan already"),
    ({"pbx": {"conference_rooms": "603,7001"}}, "7001 is a service of the dialplan already"),
    ({"pbx": {"conference_rooms": "603,603"}}, "pbx.conference_rooms: names a room twice"),
    ({"pbx": {"media_timeout": "4s"}}, "pbx.media_timeout: 4s is a pause that calls survive"),
    (
        {"pbx": {"media_timeout": "3h"}},
        "pbx.hold_timeout: 2h is less than pbx.media_timeout (3h); write 3h or more",
    ),
    ({"pbx": {"ring_time": "181s"}}, "pbx.ring_time: 181s is longer than a proxy has to let"),
    ({"build": {"wheels": "w"}}, "build.wheels: w is no folder of wheels (from /nowhere)"),
    ({"build": {"ca_file": "ca.pem"}}, "build.ca_file: ca.pem is no readable PEM file"),
]


@pytest.mark.parametrize("data", GOOD)
def test_what_fits_together(data: dict[str, Any]) -> None:
    assert found(data) == []


@pytest.mark.parametrize(("data", "expected"), BAD)
def test_what_does_not_fit_together(data: dict[str, Any], expected: str) -> None:
    told = found(data)
    assert any(expected in finding for finding in told), told
    assert all(place.count("; ") >= 1 for place in told), "each has a remedy"


def test_every_contradiction_is_told() -> None:
    data = {**subnets(edge="10.5.0.0/24", mgmt="10.5.0.0/23"), "registrar": {"min_expires": "2h"}}
    assert len(found(data)) == 4


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a-1-py3-none-any.whl").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    return tmp_path


def test_files_are_found_beside_the_configuration(files: Path) -> None:
    assert found({"build": {"wheels": "wheels", "ca_file": "ca.pem"}}, files) == []
    absolute = {"wheels": str(files / "wheels"), "ca_file": str(files / "ca.pem")}
    assert found({"build": absolute}) == []


@pytest.mark.parametrize(
    "build", [{"wheels": "empty"}, {"wheels": "ca.pem"}, {"ca_file": "key.pem"}]
)
def test_files_that_are_something_else(files: Path, build: dict[str, str]) -> None:
    assert len(found({"build": build}, files)) == 1
