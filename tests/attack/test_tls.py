"""Layer 6: TLS versions, certificates of phones, and `ringwall certs` on the running system."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.system.configured import configured
from tests.system.raw import Dialog, RawClient, describe

from ringwall.checks.phone import wait_until
from ringwall.security import clients

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.stack import Stack

    from ringwall.checks.phone import Account

_REQUIRED = """\
security:
  tls: {minimum: "1.3", client_certificates: required}
"""
_OPTIONAL = "security: {tls: {client_certificates: optional}}\n"


@dataclass(frozen=True)
class Card:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    def context(self, system: Stack) -> ssl.SSLContext:
        """Return TLS that shows it."""
        made = plain_context(system)
        made.load_cert_chain(self.certificate, self.key)
        return made


def plain_context(system: Stack) -> ssl.SSLContext:
    """Return TLS that trusts the edge and shows nothing."""
    return ssl.create_default_context(cafile=str(system.workspace.certs / "ca.pem"))


def card(system: Stack, user: str) -> Card:
    """Have a certificate issued as an operator does."""
    folder = system.results / user
    folder.mkdir(parents=True, exist_ok=True)
    said = system.cli("certs", "issue-client", user, "--into", str(folder))
    assert said.status == 0, said.err
    return Card(folder / f"{user}.pem", folder / f"{user}.key")


def made_by(certs: Path, folder: Path, user: str, now: datetime) -> Card:
    """Have the CA in ``certs`` issue one at a moment of our choice."""
    issued = clients.ensure(certs, datetime.now(UTC)).issue(user, "sip.example.com", now)
    made = Card(folder / "made.pem", folder / "made.key")
    made.certificate.write_bytes(issued.certificate)
    made.key.write_bytes(issued.key)
    return made


@contextmanager
def client(system: Stack, context: ssl.SSLContext | None = None) -> Iterator[RawClient]:
    """Connect over TLS."""
    with RawClient(system.edge, "tls", context=context or plain_context(system)) as made:
        yield made


def register(one: RawClient, system: Stack, account: Account) -> int | None:
    """Register; return the final status."""
    dialog = Dialog(account.username, system.domain)
    return one.ask_as("REGISTER", dialog, account, extra="Expires: 60\r\n").status


@contextmanager
def refused(system: Stack, flaw: str, reason: str = "client-certificate") -> Iterator[None]:
    """Assert that what happens inside is told with this reason."""
    since = time.time()
    yield
    # The second of two seconds is told as a number, some seconds later.
    told = f"verdict reason={reason} "
    wait_until(lambda: told in system.logs("kamailio_sbc", since), 15, told)
    log = system.logs("kamailio_sbc", since)
    assert re.findall(r"certificate refused: flaw=(\S+)", log) == ([flaw] if flaw else [])


@pytest.fixture(scope="module")
def required(instance: Stack) -> Iterator[None]:
    """Every phone must show a certificate."""
    with configured(instance, _REQUIRED):
        yield


@pytest.fixture(scope="module")
def optional(instance: Stack) -> Iterator[None]:
    """A phone may show a certificate."""
    with configured(instance, _OPTIONAL):
        yield


# --- as it comes ---


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(system: Stack, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError, match="alert protocol version"):
        _handshake(system, version)
    assert _handshake(system, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert _handshake(system, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


def test_switched_off_a_foreign_name_gets_in(system: Stack) -> None:
    """What the tests below see refused is let in where nobody asks for certificates."""
    owner, other = system.subscriber(), system.subscriber()
    shown = card(system, owner.username).context(system)
    with client(system, shown) as one:
        assert register(one, system, other) == 200


def test_calls_and_connections_survive_a_renewed_certificate(system: Stack) -> None:
    account = system.subscriber()
    with client(system) as one:
        dialog = Dialog(account.username, system.edge, "600")
        body = describe(one.address, 40_000)
        answer = one.ask_as("INVITE", dialog, account, body=body)
        assert answer.status == 200
        dialog.establish(answer)
        one.send(one.request("ACK", dialog))
        before = _shown(system)
        said = system.cli("certs", "renew")
        assert "connections and calls go on" in said.out, said.err
        assert _shown(system) != before
        assert one.ask("BYE", dialog).status == 200
        assert register(one, system, account) == 200


def test_a_reload_without_a_change_does_nothing(system: Stack) -> None:
    since = time.time()
    said = system.cli("certs", "reload")
    assert said.status == 0
    assert "Nothing changed" in said.out
    assert "configuration" not in system.logs("kamailio_sbc", since).lower()


def test_status_lists_what_there_is(system: Stack) -> None:
    user = system.subscriber().username
    card(system, user)
    said = system.cli("certs", "status", "--json")
    assert said.status == 0
    listed = {(one["certificate"], one["names"]): one["state"] for one in json.loads(said.out)}
    assert listed["phone", user] == "good"
    assert listed["edge", f"{system.domain}, {system.edge}"] == "good"


# --- required ---


@pytest.mark.usefixtures("required")
class TestRequired:
    """Without the right certificate nobody registers or calls."""

    def test_right_ca_and_right_name(self, system: Stack) -> None:
        account = system.subscriber()
        with client(system, card(system, account.username).context(system)) as one:
            assert register(one, system, account) == 200
            dialog = Dialog(account.username, system.edge, "600")
            answer = one.ask_as("INVITE", dialog, account, body=describe(one.address, 40_000))
            assert answer.status == 200

    def test_the_password_is_asked_for_all_the_same(self, system: Stack) -> None:
        account = system.subscriber()
        with client(system, card(system, account.username).context(system)) as one:
            assert one.ask("REGISTER", Dialog(account.username, system.domain)).status == 401

    def test_right_ca_and_wrong_name(self, system: Stack) -> None:
        owner, other = system.subscriber(), system.subscriber()
        shown = card(system, owner.username).context(system)
        with refused(system, "name"), client(system, shown) as one:
            assert register(one, system, other) == 403
        with refused(system, "name"), client(system, shown) as one:
            dialog = Dialog(other.username, system.edge, "600")
            answer = one.ask_as("INVITE", dialog, other, body=describe(one.address, 40_000))
            assert answer.status == 403

    def test_another_ca(self, system: Stack, tmp_path: Path) -> None:
        account = system.subscriber()
        shown = made_by(tmp_path, tmp_path, account.username, datetime.now(UTC))
        with refused(system, "unknown"), client(system, shown.context(system)) as one:
            assert register(one, system, account) == 403

    def test_none(self, system: Stack) -> None:
        account = system.subscriber()
        with refused(system, "unknown"), client(system) as one:
            assert register(one, system, account) == 403

    def test_expired(self, system: Stack, tmp_path: Path) -> None:
        account = system.subscriber()
        then = datetime.now(UTC) - timedelta(days=400)
        shown = made_by(system.workspace.certs, tmp_path, account.username, then)
        with refused(system, "expired"), client(system, shown.context(system)) as one:
            assert register(one, system, account) == 403

    def test_revoked_in_the_middle_of_a_connection(self, system: Stack) -> None:
        account = system.subscriber()
        shown = card(system, account.username).context(system)
        with client(system, shown) as one:
            assert register(one, system, account) == 200
            said = system.cli("certs", "revoke", account.username)
            assert said.status == 0, said.err
            with refused(system, "revoked"):
                assert register(one, system, account) == 403
        with refused(system, "revoked"), client(system, shown) as one:
            assert register(one, system, account) == 403

    def test_a_resumed_session_is_no_way_around_a_revocation(self, system: Stack) -> None:
        account = system.subscriber()
        shown = card(system, account.username).context(system)
        with _connection(system, shown) as first:
            first.sendall(b"\r\n\r\n")
            first.recv(100)  # the ticket comes before the answer to the keep-alive
            session = first.session
        assert session is not None
        assert system.cli("certs", "revoke", account.username).status == 0
        with refused(system, "revoked"), client(system, shown) as one:
            assert register(one, system, account) == 403
        with _connection(system, shown, session) as second:
            assert not second.session_reused

    def test_udp_and_tcp(self, system: Stack) -> None:
        account = system.subscriber()
        for transport in ("udp", "tcp"):
            with refused(system, "", "tls-required"), RawClient(system.edge, transport) as one:
                assert register(one, system, account) == 403
        with RawClient(system.edge) as one:
            assert one.ask("OPTIONS", Dialog("anyone", system.edge, "user")).status == 200

    def test_the_configured_minimum(self, system: Stack) -> None:
        with pytest.raises(ssl.SSLError, match="alert protocol version"):
            _handshake(system, ssl.TLSVersion.TLSv1_2)


# --- optional ---


@pytest.mark.usefixtures("optional")
class TestOptional:
    """Who shows one must show a good one."""

    def test_without_one_the_password_is_enough(self, system: Stack) -> None:
        account = system.subscriber()
        with client(system) as one:
            assert register(one, system, account) == 200
        with RawClient(system.edge) as one:
            assert register(one, system, account) == 200

    def test_the_manufacturers_counts_as_none(self, system: Stack, tmp_path: Path) -> None:
        account = system.subscriber()
        shown = made_by(tmp_path, tmp_path, "MAC-0123456789ab", datetime.now(UTC))
        with client(system, shown.context(system)) as one:
            assert register(one, system, account) == 200

    def test_a_wrong_name_is_refused(self, system: Stack) -> None:
        owner, other = system.subscriber(), system.subscriber()
        shown = card(system, owner.username).context(system)
        with refused(system, "name"), client(system, shown) as one:
            assert register(one, system, other) == 403

    def test_an_expired_one_is_refused(self, system: Stack, tmp_path: Path) -> None:
        account = system.subscriber()
        then = datetime.now(UTC) - timedelta(days=400)
        shown = made_by(system.workspace.certs, tmp_path, account.username, then)
        with refused(system, "expired"), client(system, shown.context(system)) as one:
            assert register(one, system, account) == 403


@contextmanager
def _connection(
    system: Stack, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection((system.edge, 5061), 10) as plain,
        context.wrap_socket(plain, server_hostname=system.edge, session=session) as made,
    ):
        yield made


def _handshake(system: Stack, version: ssl.TLSVersion) -> str | None:
    """Shake hands with this version alone; this machine's own policy is out of the way."""
    context = plain_context(system)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with _connection(system, context) as made:
        return made.version()


def _shown(system: Stack) -> bytes | None:
    with _connection(system, plain_context(system)) as made:
        return made.getpeercert(binary_form=True)
