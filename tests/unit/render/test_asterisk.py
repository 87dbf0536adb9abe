"""What Asterisk is told of a site, and that its static configuration asks for just that."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from pathlib import Path

import ringwall
from ringwall.config.model import Instance, Pbx, Sbc, Settings, Subnets
from ringwall.config.types import Duration
from ringwall.render.asterisk import render

_STATIC = Path(ringwall.__file__).parent / "stack" / "asterisk"
_INCLUDE = re.compile(r'^#include "/etc/ringwall/([^"]+)"$', re.MULTILINE)


def _text(name: str, settings: Settings | None = None) -> str:
    return render(settings or Settings())[f"asterisk/{name}"].decode()


def _static() -> str:
    return "".join(path.read_text() for path in sorted((_STATIC / "etc").glob("*.conf")))


def test_static_configuration_includes_exactly_what_is_rendered() -> None:
    assert sorted(f"asterisk/{name}" for name in _INCLUDE.findall(_static())) == sorted(
        render(Settings())
    )


def test_entrypoint_checks_every_rendered_file() -> None:
    entrypoint = (_STATIC / "bin" / "entrypoint").read_text()
    for name in render(Settings()):
        assert name.replace("asterisk/", "/etc/ringwall/") in entrypoint


def test_dialplan_knows_the_sbc_and_the_ring_time() -> None:
    settings = Settings(pbx=Pbx(ring_time=Duration(90)))
    assert _text("globals.conf", settings).splitlines()[1:] == [
        "SBC = 10.5.0.2:5060",
        "RING_TIME = 90",
    ]


def test_each_room_is_one_extension() -> None:
    settings = Settings(pbx=Pbx(conference_rooms="603,8,603"))
    assert _text("rooms.conf", settings).splitlines()[1:] == [
        "exten => 603,1,Goto(conference,${EXTEN},1)",
        "exten => 8,1,Goto(conference,${EXTEN},1)",
    ]


def test_nobody_but_the_sbc_is_known_or_let_in() -> None:
    text = _text("pjsip.conf")
    assert re.findall(r"^match = (.*)$", text, re.MULTILINE) == ["10.5.0.2/255.255.255.255"]
    acl = text[text.index("type = acl") :]
    assert acl.splitlines()[1:] == [
        "deny = 0.0.0.0/0.0.0.0",
        "permit = 10.5.0.2/255.255.255.255",
    ]


def test_calls_come_from_the_first_domain() -> None:
    settings = Settings(sbc=Sbc(domains=("one.example", "two.example")))
    assert "[kamailio](+)\nfrom_domain = one.example\n" in _text("pjsip.conf", settings)


def test_manager_interface_is_controls_alone() -> None:
    assert _text("manager.conf").splitlines()[1:] == ["permit = 10.5.0.5/255.255.255.255"]


def test_addresses_follow_the_subnet() -> None:
    subnets = Subnets(sbc=IPv4Network("192.168.7.0/24"))
    files = render(Settings(instance=Instance(subnets=subnets)))
    assert not [name for name, content in files.items() if b"10.5.0." in content]
    assert "SBC = 192.168.7.2:5060" in files["asterisk/globals.conf"].decode()


def test_every_module_is_required_once() -> None:
    text = (_STATIC / "etc" / "modules.conf").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith((";", "["))]
    assert lines[0] == "autoload = no"
    assert all(re.fullmatch(r"require = [a-z0-9_]+\.so", line) for line in lines[1:])
    assert len(set(lines)) == len(lines)


def test_no_number_from_the_network_is_dialled_unchecked() -> None:
    """A number goes into a channel name only after the characters of ${NUMBER} were compared."""
    dialplan = (_STATIC / "etc" / "extensions.conf").read_text()
    dialled = re.findall(r"Dial\(([^,]*),[^,]*,(\w+)\(", dialplan)
    assert dialled == [("PJSIP/kamailio/sip:${NUMBER}@${SBC}", "ib")] * 2
    assert dialplan.count("${FILTER(${USER_CHARACTERS},${NUMBER})}") == 2
