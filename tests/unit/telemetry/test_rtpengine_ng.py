from __future__ import annotations

import socket
from threading import Thread

import pytest

from ringwall.telemetry import rtpengine_ng


@pytest.mark.parametrize(
    ("answer", "up"), [(b"d6:result4:ponge", True), (b"d6:result5:errore", False)]
)
def test_a_ping(answer: bytes, up: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)

        def serve() -> None:
            packet, sender = server.recvfrom(2048)
            cookie, _, command = packet.partition(b" ")
            assert command == b"d7:command4:pinge"
            server.sendto(cookie + b" " + answer, sender)

        thread = Thread(target=serve)
        thread.start()
        assert rtpengine_ng.answers("127.0.0.1", server.getsockname()[1]) is up
        thread.join(5)


def test_silence_and_a_closed_port_are_no_answer() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert not rtpengine_ng.answers("127.0.0.1", port, timeout=0.1)
    assert not rtpengine_ng.answers("127.0.0.1", port, timeout=0.1)
