"""What strangers reach: the SBC's SIP ports on the edge, and nothing else."""

from __future__ import annotations

import re
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from tests.system.raw import Dialog, RawClient
from tests.system.stack import names

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from tests.system.stack import Stack

_HOST = re.compile(r"^Host: (\S+) .*?Ports: (.*)$", re.MULTILINE)
_LOCAL_PORT = re.compile(r"^ *\d+: [0-9A-F]{8}:([0-9A-F]{4}) \S+ (?:0A|07)", re.MULTILINE)
_AS_ROOT = ("--user=0", "--cap-drop=ALL", "--cap-add=NET_RAW", "--cap-add=NET_ADMIN")


def test_sipsak_gets_200(system: Stack) -> None:
    said = system.tools("sipsak", "-s", f"sip:user@{system.edge}", "-vvv")
    assert "SIP/2.0 200 OK" in said


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_options_is_answered_on_every_transport(system: Stack, transport: str) -> None:
    ca = str(system.workspace.certs / "ca.pem")
    with RawClient(system.edge, transport, ca) as client:  # type: ignore[arg-type]
        answer = client.ask("OPTIONS", Dialog("anyone", system.edge, "user"))
    assert answer.status == 200
    assert "INVITE" in answer.header("Allow")


def test_nothing_inside_answers_the_edge(system: Stack) -> None:
    """No TCP port of an inside address; the same scan does find the edge's own.

    A port answers when it is open, and also when it is refused.
    """
    said = _nmap(system, "-sS", "-p", _ports(system, "tcp"), system.edge, *_inside(system))
    assert _answered(said, "open") == {system.edge: {5060, 5061}}
    assert set(_answered(said, "open|closed")) == {system.edge}


def test_nothing_inside_answers_datagrams(system: Stack) -> None:
    said = _nmap(system, "-sU", "-p", _ports(system, "udp"), system.edge, *_inside(system))
    assert 5060 in _answered(said, "open")[system.edge]
    assert set(_answered(said, "open|closed")) == {system.edge}


def test_the_sbc_is_no_router(system: Stack) -> None:
    """Whoever sits on the edge's own wire and takes the SBC for a gateway gets no further."""
    addresses = system.addresses
    behind = [str(addresses.mariadb), str(addresses.control), str(addresses.syslog)]
    behind += [str(node.address) for node in system.settings.pbx.nodes]
    for router in (addresses.kamailio_edge, addresses.rtpengine_edge):
        route = f"ip route add {system.settings.instance.subnets.sbc} via {router}; "
        said = _nmap(system, "-sS", "-p", _ports(system, "tcp"), *behind, before=route)
        assert _answered(said, "open|closed") == {}


def test_an_inside_address_cannot_be_borrowed(system: Stack) -> None:
    """A request at the edge that claims to come from a PBX, whom the SBC trusts, rings nobody.

    One for a foreign domain, made the same way, is seen to reach the SBC and to be a stranger's.
    """
    node = system.settings.pbx.nodes[0].address
    begun = time.time()
    _spoof(system, "elsewhere.example", "anyone")
    verdict = f"reason=not-our-domain action=refused class=unknown source={node}:5060 "
    wait_until(lambda: verdict in system.logs("kamailio_sbc", begun), 10, "the forged request")
    with system.phone() as alice, system.phone() as bob:
        alice.wait_registered()
        bob.wait_registered()
        user = bob.account.username
        _spoof(system, system.edge, user)
        call = alice.dial(user)
        bob.wait_incoming()
        call.hangup()
        call.wait_closed()
        rang = [one for one in bob.messages if one.start_line.startswith("INVITE ")]
    assert len(rang) == 1
    assert alice.account.username in rang[0].header("From")


def _spoof(system: Stack, domain: str, user: str) -> None:
    """Send an INVITE to the edge from the address of a PBX."""
    source = system.settings.pbx.nodes[0].address
    script = _SPOOF.format(source=source, target=system.edge, domain=domain, user=user)
    system.tools("python3", "-c", script, options=_AS_ROOT)


def _inside(system: Stack) -> list[str]:
    """Every address that a container of ours has on sbc_net or mgmt_net."""
    nets = (system.settings.instance.subnets.sbc, system.settings.instance.subnets.mgmt)
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    found = system.engine.docker("inspect", "-f", template, *_running(system)).split()
    inside = [one for one in found if any(IPv4Address(one) in net for net in nets)]
    assert len(inside) >= len(_running(system))
    return inside


def _ports(system: Stack, protocol: str) -> str:
    """Every port that anything in a container listens on, and some that nothing does."""
    listening = {22, 23, 53, 80, 111, 443, 5038, 8088, 9060}
    for container in _running(system):
        table = system.engine.exec(container, "cat", f"/proc/net/{protocol}", user="0")
        listening |= {int(port, 16) for port in _LOCAL_PORT.findall(table)}
    assert 5060 in listening
    return ",".join(map(str, sorted(listening)))


def _running(system: Stack) -> list[str]:
    found = names(system.engine, "container")
    return [name for name in found if "_phone_" not in name]


def _nmap(system: Stack, *args: str, before: str = "") -> str:
    scan = "nmap -n -Pn --max-retries 1 --min-rate 2000 --max-rtt-timeout 200ms -oG - "
    return system.tools("sh", "-c", f"{before}{scan}{' '.join(args)}", options=_AS_ROOT)


def _answered(said: str, state: str) -> dict[str, set[int]]:
    """The ports in this state, by address; silence (filtered) is none."""
    return {
        host: ports
        for host, listed in _HOST.findall(said)
        if (ports := {int(port) for port in re.findall(rf"\b(\d+)/(?:{state})/", listed)})
    }


_SPOOF = """
import socket, struct
message = ("INVITE sip:{user}@{domain} SIP/2.0\\r\\n"
    "Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bKx\\r\\n"
    "Max-Forwards: 70\\r\\nFrom: <sip:a@{target}>;tag=a\\r\\nTo: <sip:{user}@{domain}>\\r\\n"
    "Call-ID: forged\\r\\nCSeq: 1 INVITE\\r\\nContact: <sip:a@{source}>\\r\\n"
    "Content-Length: 0\\r\\n\\r\\n").encode()
udp = struct.pack("!HHHH", 5060, 5060, 8 + len(message), 0)
source, target = socket.inet_aton("{source}"), socket.inet_aton("{target}")
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(message), 1, 0, 64, 17, 0, source, target)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.sendto(ip + udp + message, ("{target}", 0))
"""
