"""Which addresses are free, who is hired, and what the agent says."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING, Any

import pytest

from ringwall.checks.audit import agent
from ringwall.checks.audit.attacker import free_addresses
from ringwall.checks.audit.cast import hired
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from ringwall.runtime.engine import Engine


class _Docker:
    """An engine that tells whose addresses are in use."""

    def __init__(self, used: str) -> None:
        self._used = used

    def docker(self, *args: str) -> str:
        return self._used


def _free(used: str, **more: object) -> list[str]:
    engine: Engine = _Docker(used)  # type: ignore[assignment]
    return free_addresses(engine, Settings.model_validate(more), "edge_net")


def test_addresses_are_of_the_lower_half_and_nobodys() -> None:
    found = _free("10.5.1.2/24\n10.5.1.20/24\n10.5.1.130/24\n")
    assert found[0] == "10.5.1.16"
    assert found[-1] == "10.5.1.126"
    assert "10.5.1.20" not in found


class _Api:
    """Subscribers, and nothing else."""

    def __init__(self) -> None:
        self.names = ["1001", "audit-victim-0000", "audit-nobody", "audit-er"]
        self.groups: dict[str, str | None] = {}

    def subscribers(self) -> list[dict[str, Any]]:
        return [{"username": name} for name in self.names]

    def add_subscriber(
        self, username: str, password: str | None = None, group: str | None = None
    ) -> dict[str, Any]:
        self.names.append(username)
        self.groups[username] = group
        return {"password": "secret"}

    def remove_subscriber(self, username: str) -> None:
        self.names.remove(username)


def test_subscribers_of_an_audit_go_also_when_it_breaks(tmp_path: Path) -> None:
    api = _Api()

    def broken() -> None:
        with hired(api, Settings(), Workspace(tmp_path)) as cast:  # type: ignore[arg-type]
            assert cast.victim.username in api.names
            assert len(api.names) == 7, "what a killed one has left is gone"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert api.names == ["1001", "audit-nobody", "audit-er"]


def test_certificates_are_issued_where_they_are_asked_for(tmp_path: Path) -> None:
    strict = Settings.model_validate({"security": {"tls": {"client_certificates": "required"}}})
    place = Workspace(tmp_path)
    place.state.mkdir()
    with hired(_Api(), strict, place) as cast:  # type: ignore[arg-type]
        card = cast.cards[cast.victim.username]
        assert "BEGIN CERTIFICATE" in card
        assert "PRIVATE KEY" in card
        assert list((place.certs / "clients" / "issued").iterdir())
    assert not list((place.certs / "clients" / "issued").iterdir())


def test_one_of_them_is_of_the_group_that_signs(tmp_path: Path) -> None:
    signing = {"security": {"signature": {"mode": "hmac", "groups": ["app", "web"]}}}
    api = _Api()
    with hired(api, Settings.model_validate(signing), Workspace(tmp_path)) as cast:  # type: ignore[arg-type]
        assert api.groups[cast.official.username] == "app"
        assert api.groups[cast.caller.username] is None


def test_the_agent_tells_answers_silence_and_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = ["127.0.0.1", server.getsockname()[1]]
        made = agent.connect("127.0.0.1", 0, target, "tcp")
        other, _ = server.accept()
        assert agent.receive(made["socket"], 0.05) == {"silence": True}
        other.sendall(b"\xff\x00")
        came = agent.receive(made["socket"], 1)
        assert base64.b64decode(came["data"]) == b"\xff\x00"
        agent.send(made["socket"], base64.b64encode(b"x").decode())
        assert other.recv(10) == b"x"
        other.close()
        assert "closed" in agent.receive(made["socket"], 1)
        agent.close(made["socket"])


def test_the_agent_floods_so_many_and_counts_answers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        there.settimeout(1)
        made = agent.connect("127.0.0.1", 0, ["127.0.0.1", there.getsockname()[1]], "udp")
        there.sendto(b"answer", (made["address"], made["port"]))
        told = agent.flood(made["socket"], base64.b64encode(b"n{n}").decode(), 5, 1000)
        assert told == {"sent": 5, "answered": 1}
        assert [there.recv(10) for _ in range(5)] == [b"n0", b"n1", b"n2", b"n3", b"n4"]
        agent.close(made["socket"])
