from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import pytest

from ringwall.checks import baresip
from ringwall.checks.baresip import Control
from ringwall.checks.call import Call, CallFailed
from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def netstring(message: dict[str, Any]) -> bytes:
    text = json.dumps(message).encode()
    return b"%d:%s," % (len(text), text)


@contextmanager
def phone(
    monkeypatch: pytest.MonkeyPatch, reply: Callable[[dict[str, Any]], list[dict[str, Any]]]
) -> Iterator[Control]:
    """A baresip that answers each command with what ``reply`` says."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(baresip, "CONTROL_PORT", server.getsockname()[1])

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(4096):
                    command = json.loads(data.partition(b":")[2][:-1])
                    for message in reply(command):
                        connection.sendall(netstring(message))

        threading.Thread(target=serve, daemon=True).start()
        control = Control(IPv4Address("127.0.0.1"), 5)
        yield control
        control.close()


def accepted(command: dict[str, Any], data: str = "") -> dict[str, Any]:
    return {"response": True, "ok": True, "data": data, "token": command["token"]}


def event(kind: str, text: str = "", call: str = "c1") -> dict[str, Any]:
    return {"event": True, "type": kind, "param": text, "id": call, "direction": "outgoing"}


def test_a_command_is_answered_amid_events(monkeypatch: pytest.MonkeyPatch) -> None:
    with phone(monkeypatch, lambda c: [event("CALL_RINGING"), accepted(c, "yes")]) as control:
        assert control.ask("dial", "sip:600@x") == "yes"
        assert [one.kind for one in control.events] == ["CALL_RINGING"]


def test_a_refusal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: dict[str, Any]) -> list[dict[str, Any]]:
        return [{**accepted(command, "no such call"), "ok": False}]

    with phone(monkeypatch, refuse) as control, pytest.raises(RingwallError, match="no such call"):
        control.ask("hangup")


def test_silence_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        phone(monkeypatch, lambda _: []) as control,
        pytest.raises(RingwallError, match="did not answer"),
    ):
        control.ask("hangup", timeout=0.1)


def test_a_call_that_is_refused_tells_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    with phone(
        monkeypatch, lambda c: [accepted(c), event("CALL_CLOSED", "486 Busy Here")]
    ) as control:
        call = Call(control, "c1", 0)
        control.ask("dial")
        with pytest.raises(CallFailed, match="486 Busy Here") as failed:
            call.wait_established(2)
        assert failed.value.status == 486
        assert call.closed
        assert call.wait_closed() == 486


def test_the_events_of_another_call_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with phone(
        monkeypatch, lambda c: [event("CALL_ESTABLISHED", call="c2"), accepted(c)]
    ) as control:
        control.ask("dial")
        with pytest.raises(CallFailed, match="never was answered"):
            Call(control, "c1", 0).wait_established(0.1)


def test_a_phone_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(baresip, "CONTROL_PORT", port)
    with pytest.raises(RingwallError, match="does not start"):
        Control(IPv4Address("127.0.0.1"), 0.1)
