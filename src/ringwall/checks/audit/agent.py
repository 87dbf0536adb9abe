"""Runs in a container of the tools image: opens sockets and does with them what it is told.

One command a line on standard input, one answer a line on standard output, both JSON; bytes are
base64. It needs nothing but the standard library, and NET_ADMIN for more than one address.
"""

from __future__ import annotations

import base64
import json
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CONNECT_S = 5.0
_DATAGRAM = 65535
_sockets: dict[int, socket.socket] = {}


def take_addresses(addresses: list[str]) -> None:
    """Have the container answer to these addresses too."""
    device = "eth0"
    lines = "".join(f"addr add {address}/32 dev {device}\n" for address in addresses)
    subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True, capture_output=True)


def connect(
    source: str, port: int, target: list[Any], transport: str, tls: dict[str, str] | None = None
) -> dict[str, Any]:
    """Connect from an address and port (0: any) of ours; return the socket's number."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    made = socket.socket(socket.AF_INET, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(_CONNECT_S)
        made.bind((source, port))
        made.connect((target[0], target[1]))
        if tls is not None:
            made = _context(tls).wrap_socket(made, server_hostname=target[0])
    except BaseException:
        made.close()
        raise
    number = made.fileno()
    _sockets[number] = made
    address, own = made.getsockname()[:2]
    version = made.version() if isinstance(made, ssl.SSLSocket) else None
    return {"socket": number, "address": address, "port": own, "version": version}


def _context(wanted: dict[str, str]) -> ssl.SSLContext:
    """Whose certificate the other side shows is for no attacker to ask."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if "only" in wanted:
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = made.maximum_version = ssl.TLSVersion[wanted["only"]]
    if "ciphers" in wanted:
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        made.set_ciphers(wanted["ciphers"])
    if "certificate" in wanted:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "card.pem")
            file.write_text(wanted["certificate"])
            made.load_cert_chain(file)
    return made


def send(number: int, data: str) -> None:
    """Send bytes."""
    _sockets[number].settimeout(_CONNECT_S)
    _sockets[number].sendall(base64.b64decode(data))


def receive(number: int, seconds: float) -> dict[str, Any]:
    """Wait for bytes; say ``silence`` where none came, ``closed`` where none can come."""
    one = _sockets[number]
    one.settimeout(max(seconds, 0.001))
    try:
        came = one.recv(_DATAGRAM)
    except (TimeoutError, ssl.SSLWantReadError):
        return {"silence": True}
    except OSError as error:
        return {"closed": str(error)}
    if not came and one.type == socket.SOCK_STREAM:
        return {"closed": "by the other side"}
    return {"data": base64.b64encode(came).decode()}


def close(number: int) -> None:
    """Close a socket."""
    _sockets.pop(number).close()


def flood(number: int, data: str, count: int, rate: float) -> dict[str, int]:
    """Send so many datagrams, so many a second; ``{n}`` in them is the number of each."""
    one, template = _sockets[number], base64.b64decode(data)
    one.setblocking(False)
    told, began = {"sent": 0, "answered": 0}, time.monotonic()
    deadline = began + count / rate + _CONNECT_S
    while told["sent"] < count and time.monotonic() < deadline:
        ahead = told["sent"] / rate - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
        try:
            one.send(template.replace(b"{n}", str(told["sent"]).encode()))
        except OSError:  # full, or nobody listens
            time.sleep(0.001)
        told["sent"] += 1
        told["answered"] += _waiting(one)
    deadline = time.monotonic() + 0.5
    while select.select([one], [], [], max(deadline - time.monotonic(), 0))[0]:
        told["answered"] += _waiting(one)
    return told


def spray(source: str, target: str, ports: list[int], data: str) -> dict[str, Any]:
    """Send a datagram to each port, twice; return how many answers came, and from which ports."""
    one, payload = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), base64.b64decode(data)
    one.bind((source, 0))
    one.setblocking(False)
    came: list[int] = []
    for turn in range(2):
        for at, port in enumerate(ports):
            one.sendto(payload, (target, port))
            if at % 100 == 99:
                time.sleep(0.005)
                came += _from_ports(one, 0)
        came += _from_ports(one, turn * 1.0)
    one.close()
    return {"came": len(came), "ports": sorted(set(came))[:10]}


def _waiting(one: socket.socket) -> int:
    """Take what is there; return how many datagrams that was."""
    taken = 0
    try:
        while one.recv(_DATAGRAM):
            taken += 1
    except OSError:
        return taken
    return taken


def _from_ports(one: socket.socket, seconds: float) -> list[int]:
    found, deadline = [], time.monotonic() + seconds
    while select.select([one], [], [], max(deadline - time.monotonic(), 0))[0]:
        try:
            found.append(int(one.recvfrom(_DATAGRAM)[1][1]))
        except OSError:
            continue
    return found


_COMMANDS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (take_addresses, connect, send, receive, close)
}
_COMMANDS |= {each.__name__: each for each in (flood, spray)}


def main() -> None:
    """Do what comes, until standard input ends."""
    for line in sys.stdin:
        command = json.loads(line)
        answer: dict[str, Any]
        try:
            answer = {"done": _COMMANDS[command.pop("do")](**command)}
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
