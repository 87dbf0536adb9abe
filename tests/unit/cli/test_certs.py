"""``ringwall certs`` as a user sees it; what Kamailio does then is proved on running systems."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.runtime.fleet import Box, Fleet
from typer.testing import CliRunner, Result

from ringwall.cli import certs as command
from ringwall.cli.main import app
from ringwall.runtime.engine import ContainerState
from ringwall.security import clients

RELOAD = ("exec", "kamailio_sbc", "kamcmd", "tls.reload")


class Machine(Fleet):
    """Kamailio runs."""

    runs = True

    def container_state(self, name: str) -> ContainerState | None:
        status = "running" if self.runs else "exited"
        return ContainerState(name, "", status, None, 0, 0, "", "")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(boxes={"kamailio_sbc": Box("hash", ["healthy"])})
    monkeypatch.setattr(command, "Engine", lambda: made)
    monkeypatch.setattr("ringwall.runtime.certs.time.sleep", lambda _: None)
    monkeypatch.setattr("ringwall.security.certificates.os.geteuid", lambda: 1000)
    return made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "ringwall.yaml").write_text("security: {tls: {client_certificates: required}}\n")
    return tmp_path


def certs(place: Path, *args: str) -> Result:
    return CliRunner().invoke(app, ["-C", str(place), "certs", *args])


def test_before_there_is_any(place: Path) -> None:
    shown = certs(place, "status")
    assert shown.exit_code == 0
    assert "no certificate yet" in shown.output


def test_issue_makes_what_lacks_and_then_rests(place: Path, machine: Machine) -> None:
    assert "taken it over" in certs(place, "issue").output
    assert machine.asked == [RELOAD]
    assert "Nothing changed" in certs(place, "issue").output
    assert "Nothing changed" in certs(place, "reload").output
    assert machine.asked == [RELOAD]
    assert "taken it over" in certs(place, "reload", "--force").output
    assert machine.asked == [RELOAD] * 2


def test_renew_makes_another(place: Path, machine: Machine) -> None:
    certs(place, "issue")
    before = (place / ".ringwall/certs/edge/fullchain.pem").read_bytes()
    assert certs(place, "renew").exit_code == 0
    assert (place / ".ringwall/certs/edge/fullchain.pem").read_bytes() != before
    assert machine.asked == [RELOAD] * 2


def test_while_kamailio_is_down(place: Path, machine: Machine) -> None:
    machine.runs = False
    assert "next start takes it over" in certs(place, "issue").output
    assert machine.asked == []


@pytest.mark.usefixtures("machine")
def test_issue_client_writes_what_a_phone_needs(place: Path) -> None:
    certs(place, "issue")
    shown = certs(place, "issue-client", "1001")
    assert shown.exit_code == 0
    folder = place / "client-certificates/1001"
    assert {path.name for path in folder.iterdir()} == {
        "1001.key", "1001.pem", "1001.p12", "ca.pem",
    }  # fmt: skip
    assert (folder / "1001.key").stat().st_mode & 0o777 == 0o600
    assert "Password of 1001.p12: " in shown.output
    assert (folder / "ca.pem").read_bytes() == (place / ".ringwall/certs/ca.pem").read_bytes()


@pytest.mark.usefixtures("machine")
def test_issue_client_warns_when_nobody_asks_for_it(place: Path) -> None:
    (place / "ringwall.yaml").write_text("")
    assert "client_certificates" in certs(place, "issue-client", "1001").output


@pytest.mark.parametrize("user", ["", "../x", "a b", "x" * 65])
def test_a_user_name_that_is_none(place: Path, user: str) -> None:
    shown = certs(place, "issue-client", user)
    assert shown.exit_code == 2
    assert not (place / ".ringwall/certs").exists()


def test_revoke_shuts_out_and_reloads(place: Path, machine: Machine) -> None:
    certs(place, "issue")
    certs(place, "issue-client", "1001")
    issuer = clients.ensure(place / ".ringwall/certs", datetime.now(UTC))
    serial = issuer.listed()[0].serial
    machine.asked.clear()
    shown = certs(place, "revoke", "1001")
    assert shown.exit_code == 0
    assert f"Revoked {serial:x} of 1001." in shown.output
    shut = ("exec", "kamailio_sbc", "kamcmd", "htable.seti", "revoked", f"s:{serial}", "1")
    assert machine.asked == [shut, RELOAD]
    assert certs(place, "revoke", "1001").exit_code == 2


@pytest.mark.usefixtures("machine")
def test_status_warns_of_what_ends(place: Path) -> None:
    certs(place, "issue")
    certs(place, "issue-client", "1001", "--days", "5")
    certs(place, "issue-client", "1002")
    certs(place, "revoke", "1002")
    shown = certs(place, "status")
    assert shown.exit_code == 0
    assert "Warning: phone 1001 expires in 4 days." in shown.output
    listed = json.loads(certs(place, "status", "--json").output)
    assert [(one["certificate"], one["state"]) for one in listed] == [
        ("edge", "good"),
        ("CA", "good"),
        ("clients' CA", "good"),
        ("phone", "expires soon"),
        ("phone", "revoked"),
    ]


def test_status_fails_when_the_edge_has_expired(place: Path) -> None:
    folder = place / ".ringwall/certs"
    then = datetime.now(UTC) - timedelta(days=400)
    made = clients.ensure(folder, then).issue("edge", "sip.example.com", then)
    (folder / "edge").mkdir()
    (folder / "edge/fullchain.pem").write_bytes(made.certificate)
    shown = certs(place, "status")
    assert shown.exit_code == 1
    assert "has expired" in shown.output
