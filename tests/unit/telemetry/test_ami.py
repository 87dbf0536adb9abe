from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import BinaryIO

import pytest

from ringwall.telemetry import ami

SECRET = "s3cret"
CHALLENGE = "123456789"
EVENT = b"Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n"


class Asterisk:
    """A manager port that speaks as Asterisk 22 does."""

    def __init__(self, refuse: str | None = None) -> None:
        self.actions: list[dict[str, str]] = []
        self._refuse = refuse

    def serve(self, stream: BinaryIO) -> None:
        self._send(stream, b"Asterisk Call Manager/11.0.0\r\n")
        while action := self._read(stream):
            self.actions.append(action)
            self._send(stream, EVENT + self._answer(action))
            if action["Action"] in {self._refuse, "Logoff"}:
                return

    def _answer(self, action: dict[str, str]) -> bytes:
        if action["Action"] == self._refuse:
            return b"Response: Error\r\nMessage: Permission denied\r\n\r\n"
        if action["Action"] == "Challenge":
            return f"Response: Success\r\nChallenge: {CHALLENGE}\r\n\r\n".encode()
        if action["Action"] == "Logoff":
            return b"Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n"
        return b"Response: Success\r\nMessage: done\r\n\r\n"

    @staticmethod
    def _send(stream: BinaryIO, data: bytes) -> None:
        stream.write(data)
        stream.flush()

    @staticmethod
    def _read(stream: BinaryIO) -> dict[str, str]:
        action = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(": ")
            action[name] = value
        return action


@contextmanager
def listening(serve: Callable[[BinaryIO], None]) -> Iterator[int]:
    """Serve one connection on loopback; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rwb") as stream:
                serve(stream)  # type: ignore[arg-type]  # typeshed: a pair, not a BinaryIO

        thread = Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)
        assert not thread.is_alive()


def test_a_module_is_reloaded_and_the_secret_does_not_cross_the_wire() -> None:
    asterisk = Asterisk()
    with listening(asterisk.serve) as port:
        ami.reload_module("127.0.0.1", SECRET, "app_voicemail.so", port=port)
    challenge, login, reload, logoff = asterisk.actions
    assert challenge["AuthType"] == "MD5"
    key = hashlib.md5((CHALLENGE + SECRET).encode(), usedforsecurity=False).hexdigest()
    assert (login["Username"], login["Key"], login["Events"]) == ("control", key, "off")
    assert reload == {"Action": "Reload", "Module": "app_voicemail.so"}
    assert logoff == {"Action": "Logoff"}
    assert SECRET not in str(asterisk.actions)


@pytest.mark.parametrize("action", ["Challenge", "Login", "Reload"])
def test_a_refusal_is_told_with_asterisks_words(action: str) -> None:
    with (
        listening(Asterisk(refuse=action).serve) as port,
        pytest.raises(ami.AmiError, match=f"refused {action}: Permission denied"),
    ):
        ami.reload_module("127.0.0.1", SECRET, "app_voicemail.so", port=port)


def test_something_else_on_the_port_is_told() -> None:
    def web_server(stream: BinaryIO) -> None:
        stream.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        stream.flush()

    with listening(web_server) as port, pytest.raises(ami.AmiError, match="no Asterisk"):
        ami.reload_module("127.0.0.1", SECRET, "app_voicemail.so", port=port)


def test_an_asterisk_that_hangs_up_is_told() -> None:
    def dying(stream: BinaryIO) -> None:
        stream.write(b"Asterisk Call Manager/11.0.0\r\n")
        stream.flush()
        stream.readline()

    with listening(dying) as port, pytest.raises(ami.AmiError, match=r"closed|does not answer"):
        ami.reload_module("127.0.0.1", SECRET, "app_voicemail.so", port=port)


def test_an_asterisk_that_hangs_or_is_away_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ami.AmiError, match="does not answer"):
            ami.reload_module("127.0.0.1", SECRET, "x", timeout=0.1, port=port)
    with pytest.raises(ami.AmiError, match=r"127\.0\.0\.1 does not answer"):
        ami.reload_module("127.0.0.1", SECRET, "x", timeout=0.1, port=port)
