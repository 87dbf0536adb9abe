"""The control connection of a running baresip: commands in, answers and events out."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address

CONTROL_PORT = 4444
_T = TypeVar("_T")


@dataclass(frozen=True)
class Event:
    """Something that happened to the phone; ``time`` is monotonic seconds."""

    time: float
    kind: str
    """REGISTER_OK, CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED …"""
    call: str | None
    """Call-ID."""
    peer: str | None
    incoming: bool
    text: str
    """A status line, a reason, a number: whatever belongs to the kind."""


class Control:
    """Commands and events of one baresip (its module ctrl_tcp: JSON in netstrings)."""

    def __init__(self, address: IPv4Address, timeout: float) -> None:
        self._socket = _connect(address, time.monotonic() + timeout)
        self._news = threading.Condition()
        self._events: list[Event] = []
        self._answers: dict[str, dict[str, Any]] = {}
        self._asked = 0
        self._closed = False
        self._reader = threading.Thread(target=self._read, daemon=True, name="baresip")
        self._reader.start()

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._reader.join()

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that has happened so far."""
        with self._news:
            return tuple(self._events)

    def ask(self, command: str, params: str = "", timeout: float = 5) -> str:
        """Give a command and return what the phone says; RingwallError where it refuses."""
        self._asked += 1
        token = str(self._asked)
        self._send({"command": command, "params": params, "token": token})
        answer = self._wait(lambda: self._answers.pop(token, None), timeout)
        if answer is None:
            raise RingwallError(f"the phone did not answer the command {command!r}")
        if not answer.get("ok"):
            raise RingwallError(f"the phone refused {command!r}: {answer.get('data', '')}")
        return str(answer.get("data", ""))

    def wait_for(
        self, wanted: Callable[[Event], bool], timeout: float, after: float = 0
    ) -> Event | None:
        """Return the first event that is ``wanted``, not older than ``after``; None: too late."""
        return self._wait(
            lambda: next((e for e in self._events if e.time >= after and wanted(e)), None), timeout
        )

    def _wait(self, look: Callable[[], _T | None], timeout: float) -> _T | None:
        deadline = time.monotonic() + timeout
        with self._news:
            while (found := look()) is None:
                left = deadline - time.monotonic()
                if left <= 0 or self._closed:
                    return None
                self._news.wait(left)
        return found

    def _send(self, message: dict[str, str]) -> None:
        text = json.dumps(message).encode()
        self._socket.sendall(b"%d:%s," % (len(text), text))

    def _read(self) -> None:
        stream = self._socket.makefile("rb")
        with suppress(OSError, ValueError):  # the phone may go away in the middle of a word
            while message := _netstring(stream.read):
                self._take(json.loads(message))
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        with self._news:
            if message.get("response"):
                self._answers[str(message.get("token"))] = message
            else:
                self._events.append(_event(message))
            self._news.notify_all()


def _event(message: dict[str, Any]) -> Event:
    return Event(
        time=time.monotonic(),
        kind=str(message.get("type", "MESSAGE")),
        call=message.get("id"),
        peer=message.get("peeruri"),
        incoming=message.get("direction") == "incoming",
        text=str(message.get("param") or message.get("body") or ""),
    )


def _netstring(read: Callable[[int], bytes]) -> bytes:
    length = b""
    while (byte := read(1)) not in {b":", b""}:
        length += byte
    message = read(int(length)) if length else b""
    read(1)
    return message


def _connect(address: IPv4Address, deadline: float) -> socket.socket:
    while True:
        try:
            connection = socket.create_connection((str(address), CONTROL_PORT), timeout=1)
        except OSError as error:
            if time.monotonic() > deadline:
                raise RingwallError(f"the phone at {address} does not start: {error}") from error
            time.sleep(0.05)
        else:
            connection.settimeout(None)
            return connection
