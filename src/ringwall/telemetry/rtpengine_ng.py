"""RTPengine's ng protocol: is it there? One bencoded dictionary a UDP packet."""

from __future__ import annotations

import secrets
import socket

_PING, _PONG = b"d7:command4:pinge", b"d6:result4:ponge"


def answers(address: str, port: int, timeout: float = 1.0) -> bool:
    """Tell whether RTPengine answers a ping within ``timeout`` seconds."""
    cookie = secrets.token_hex(8).encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect((address, port))
            connection.send(cookie + b" " + _PING)
            return connection.recv(2048) == cookie + b" " + _PONG
        except OSError:
            return False
