"""Runs in a container of the tools image: sends MESSAGEs to the SBC and tells what came back.

flooder.py TARGET SECONDS RATE DOMAIN [FORGED]: to a user of DOMAIN; from FORGED, which takes a raw
socket, or from our own address. Prints JSON: how many were sent and answered, and when the last
answer came.
"""

import json
import secrets
import socket
import struct
import sys
import time

_TEXT = (
    "MESSAGE sip:1@{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {own}:5060;branch=z9hG4bK{id};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:9@{target}>;tag={id}\r\nTo: <sip:1@{target}>\r\n"
    "Call-ID: {id}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
)


def _packet(source: str, target: str, text: bytes) -> bytes:
    """Put IPv4 and UDP headers in front; the kernel fills in the checksum of the first."""
    length = 28 + len(text)
    ip = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, 0,
        socket.inet_aton(source), socket.inet_aton(target),
    )  # fmt: skip
    return ip + struct.pack("!HHHH", 5060, 5060, length - 20, 0) + text


def _flood(
    target: str, seconds: float, rate: float, domain: str, forged: str | None
) -> dict[str, float]:
    raw = forged is not None
    kind = socket.SOCK_RAW if raw else socket.SOCK_DGRAM
    way = socket.socket(socket.AF_INET, kind, socket.IPPROTO_RAW if raw else 0)
    way.connect((target, 0 if raw else 5060))
    way.setblocking(False)
    own = forged or way.getsockname()[0]
    told = {"sent": 0, "answered": 0, "last": 0.0}
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        if told["sent"] > now * rate:
            time.sleep(0.002)
        else:
            text = _TEXT.format(
                target=target, domain=domain, own=own, id=secrets.token_hex(8)
            ).encode()
            try:
                way.send(_packet(own, target, text) if raw else text)
                told["sent"] += 1
            except OSError:  # full, or nobody listens
                time.sleep(0.001)
        try:
            while not raw and way.recv(4096):
                told["answered"] += 1
                told["last"] = now
        except OSError:
            continue
    return told


if __name__ == "__main__":
    target, seconds, rate, domain, *forged = sys.argv[1:]
    told = _flood(target, float(seconds), float(rate), domain, forged[0] if forged else None)
    print(json.dumps(told))
