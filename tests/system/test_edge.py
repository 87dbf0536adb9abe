"""What strangers reach: the SBC's SIP ports on the edge, and nothing else."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import pytest
from tests.system.raw import Dialog, RawClient

if TYPE_CHECKING:
    from tests.system.stack import Stack

_OPEN = re.compile(r"^Host: (\S+) .*?Ports: (.*)$", re.MULTILINE)
_AS_ROOT = ("--user=0", "--cap-drop=ALL", "--cap-add=NET_RAW", "--cap-add=NET_ADMIN")
_UDP_PORTS = "53,123,161,1514,3306,5038,5060,5061,8080,9060,9090,9900,22222,30000-30010"


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
    """No port of an address on sbc_net or mgmt_net; the same scan does find the edge's own."""
    subnets = system.settings.instance.subnets
    inside = [f"{net[0]}/28" for net in (subnets.sbc, subnets.mgmt)]
    found = _tcp_scan(system, "1-65535", system.edge, *inside)
    assert found == {system.edge: {5060, 5061}}


def test_nothing_inside_answers_datagrams(system: Stack) -> None:
    subnets = system.settings.instance.subnets
    inside = [f"{net[0]}/28" for net in (subnets.sbc, subnets.mgmt)]
    said = _nmap(system, "-sU", "-p", _UDP_PORTS, system.edge, *inside)
    assert _opened(said) == {system.edge: {5060}}


def test_the_sbc_is_no_way_inside(system: Stack) -> None:
    """Whoever sits on the edge's own wire and takes the SBC for a router gets nowhere."""
    addresses = system.addresses
    inside = [addresses.kamailio_sbc, addresses.mariadb, addresses.control, addresses.rtpengine_sbc]
    for router in (addresses.kamailio_edge, addresses.rtpengine_edge):
        found = _tcp_scan(
            system, "22,3306,5038,5060,5061,8080,9090,9900", *map(str, inside), router=str(router)
        )
        assert found == {}


def test_an_inside_address_cannot_be_borrowed(system: Stack) -> None:
    """A request that claims to come from a PBX, but arrives at the edge, gets no answer there."""
    node = system.settings.pbx.nodes[0].address
    call_id = secrets.token_hex(8)
    script = _SPOOF.format(source=node, target=system.edge, call_id=call_id)
    system.tools("python3", "-c", script, options=_AS_ROOT)
    with RawClient(system.edge) as client:
        assert client.ask("OPTIONS", Dialog("anyone", system.edge, "user")).status == 200
    assert call_id not in system.asterisk("asterisk_1", "core show channels concise")
    assert call_id not in system.logs("kamailio_sbc")


def _tcp_scan(
    system: Stack, ports: str, *targets: str, router: str | None = None
) -> dict[str, set[int]]:
    return _opened(_nmap(system, "-sS", "-p", ports, *targets, router=router))


def _nmap(system: Stack, *args: str, router: str | None = None) -> str:
    route = f"ip route add {system.settings.instance.subnets.sbc} via {router}; " if router else ""
    scan = "nmap -n -Pn --max-retries 1 --min-rate 15000 --max-rtt-timeout 100ms -oG - "
    return system.tools("sh", "-c", f"{route}{scan}{' '.join(args)}", options=_AS_ROOT, timeout=150)


def _opened(said: str) -> dict[str, set[int]]:
    """The ports that answered: open ones, those that only may be (no answer) left out."""
    return {
        host: ports
        for host, listed in _OPEN.findall(said)
        if (ports := {int(port) for port in re.findall(r"(\d+)/(?:open|closed)/", listed)})
    }


_SPOOF = """
import socket, struct
message = ("INVITE sip:600@{target} SIP/2.0\\r\\n"
    "Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bKx\\r\\n"
    "Max-Forwards: 70\\r\\nFrom: <sip:a@{target}>;tag=a\\r\\nTo: <sip:600@{target}>\\r\\n"
    "Call-ID: {call_id}\\r\\nCSeq: 1 INVITE\\r\\nContact: <sip:a@{source}>\\r\\n"
    "Content-Length: 0\\r\\n\\r\\n").encode()
udp = struct.pack("!HHHH", 5060, 5060, 8 + len(message), 0)
source, target = socket.inet_aton("{source}"), socket.inet_aton("{target}")
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(message), 1, 0, 64, 17, 0, source, target)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.sendto(ip + udp + message, ("{target}", 0))
"""
