"""Asterisk's manager interface (AMI): log in and reload a module."""

from __future__ import annotations

import hashlib
import socket
from contextlib import suppress

from ringwall.errors import RingwallError

PORT = 5038
_USER = "control"
_MAX_LINE = 4096
_MAX_EVENTS = 200


class AmiError(RingwallError):
    """Asterisk did not answer, or refused."""


def reload_module(
    address: str, secret: str, module: str, timeout: float = 2.0, port: int = PORT
) -> None:
    """Make one Asterisk read a module's configuration again; raise ``AmiError``.

    ``timeout`` is in seconds, for each answer. The secret does not cross the network: it
    answers an MD5 challenge.
    """
    try:
        with socket.create_connection((address, port), timeout) as connection:
            _Session(connection).reload(secret, module)
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise AmiError(f"Asterisk at {address} does not answer ({why})") from error


class _Session:
    """One connection to the manager port."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    def reload(self, secret: str, module: str) -> None:
        with self._lines:
            if not self._lines.readline(_MAX_LINE).startswith(b"Asterisk Call Manager"):
                raise AmiError("this is no Asterisk manager port")
            self._log_in(secret)
            self._ask({"Action": "Reload", "Module": module})
            # The work is done; how the connection ends says nothing about it.
            with suppress(OSError, AmiError):
                self._ask({"Action": "Logoff"})

    def _log_in(self, secret: str) -> None:
        challenge = self._ask({"Action": "Challenge", "AuthType": "MD5"}).get("Challenge", "")
        key = hashlib.md5((challenge + secret).encode(), usedforsecurity=False).hexdigest()
        login = {"Action": "Login", "AuthType": "MD5", "Username": _USER, "Key": key}
        self._ask({**login, "Events": "off"})

    def _ask(self, action: dict[str, str]) -> dict[str, str]:
        """Send an action and return its answer; events in between are skipped."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in action.items())
        self._connection.sendall(f"{lines}\r\n".encode())
        for _ in range(_MAX_EVENTS):
            answer = self._message()
            if "Response" in answer:
                return _accepted(action["Action"], answer)
        raise AmiError(f"Asterisk did not answer {action['Action']}")

    def _message(self) -> dict[str, str]:
        message: dict[str, str] = {}
        while True:
            line = self._lines.readline(_MAX_LINE)
            if not line:
                raise AmiError("Asterisk closed the connection")
            text = line.decode(errors="replace").rstrip("\r\n")
            if not text:
                return message
            name, _, value = text.partition(":")
            message[name.strip()] = value.strip()


def _accepted(action: str, answer: dict[str, str]) -> dict[str, str]:
    if answer["Response"] not in {"Success", "Goodbye"}:
        raise AmiError(f"Asterisk refused {action}: {answer.get('Message', answer['Response'])}")
    return answer
