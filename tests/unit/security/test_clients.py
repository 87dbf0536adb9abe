from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ringwall.config.model import Settings
from ringwall.config.security_model import Security
from ringwall.config.tls_model import Tls
from ringwall.errors import BadInput, RingwallError
from ringwall.security import certificates, clients

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def issuer(tmp_path: Path) -> clients.Clients:
    return clients.ensure(tmp_path, NOW)


def revoked(issuer: clients.Clients) -> set[int]:
    return {one.serial_number for one in x509.load_pem_x509_crl(issuer.crl)}


def test_a_certificate_names_its_user_and_is_for_clients_alone(issuer: clients.Clients) -> None:
    made = issuer.issue("1001", "sip.example.com", NOW)
    leaf = x509.load_pem_x509_certificate(made.certificate)
    ca = x509.load_pem_x509_certificate(issuer.ca)
    leaf.verify_directly_issued_by(ca)
    assert [one.value for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [
        "1001"
    ]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["sip:1001@sip.example.com"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert made.not_after == NOW + timedelta(days=397)
    assert load_pem_private_key(made.key, None).public_key() == leaf.public_key()


def test_pkcs12_holds_all_and_opens_with_its_password(issuer: clients.Clients) -> None:
    made = issuer.issue("1001", "sip.example.com", NOW)
    key, leaf, others = pkcs12.load_key_and_certificates(made.pkcs12, made.password.encode())
    assert leaf is not None
    assert key is not None
    assert leaf.serial_number == made.serial
    assert len(others) == 1
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(made.pkcs12, b"wrong")


def test_what_was_issued_is_listed_and_stays(tmp_path: Path, issuer: clients.Clients) -> None:
    late = issuer.issue("1002", "sip.example.com", NOW)
    soon = issuer.issue("1001", "sip.example.com", NOW, timedelta(days=5))
    again = clients.ensure(tmp_path, NOW)
    assert again.ca == issuer.ca
    assert [(one.user, one.serial) for one in again.listed()] == [
        ("1001", soon.serial),
        ("1002", late.serial),
    ]


def test_revoking_a_user_takes_all_of_theirs(issuer: clients.Clients) -> None:
    assert revoked(issuer) == set()
    mine = {issuer.issue("1001", "sip.example.com", NOW).serial for _ in range(2)}
    other = issuer.issue("1002", "sip.example.com", NOW).serial
    assert {one.serial for one in issuer.revoke("1001", NOW)} == mine
    assert revoked(issuer) == mine
    assert {one.serial: one.good(NOW) for one in issuer.listed()} == {
        **dict.fromkeys(mine, False),
        other: True,
    }


def test_revoking_a_serial_number_takes_that_one_and_keeps_earlier_ones(
    issuer: clients.Clients,
) -> None:
    one, two, kept = (issuer.issue("1001", "sip.example.com", NOW).serial for _ in range(3))
    issuer.revoke(f"{one:x}", NOW)
    issuer.revoke(f"{two:040X}", NOW)
    assert revoked(issuer) == {one, two}
    assert kept not in revoked(issuer)


def test_who_has_none_cannot_be_revoked(issuer: clients.Clients) -> None:
    issuer.issue("1001", "sip.example.com", NOW)
    with pytest.raises(BadInput, match="1002"):
        issuer.revoke("1002", NOW)
    issuer.revoke("1001", NOW)
    with pytest.raises(BadInput, match="1001"):
        issuer.revoke("1001", NOW)


def test_the_list_is_signed_and_good_as_long_as_the_ca(issuer: clients.Clients) -> None:
    """A list that ran out would shut out everyone."""
    listed = x509.load_pem_x509_crl(issuer.crl)
    ca = x509.load_pem_x509_certificate(issuer.ca)
    assert listed.is_signature_valid(ca.public_key())  # type: ignore[arg-type] # of our own kind
    assert listed.next_update_utc == ca.not_valid_after_utc


def test_a_damaged_list_is_an_error_and_no_empty_list(
    tmp_path: Path, issuer: clients.Clients
) -> None:
    issuer.issue("1001", "sip.example.com", NOW)
    issuer.revoke("1001", NOW)
    (tmp_path / "clients/crl.pem").write_bytes(b"half")
    with pytest.raises(RingwallError, match=r"crl\.pem: is no list"):
        assert issuer.crl


def test_the_edge_gets_ca_and_list_where_they_are_asked_for(tmp_path: Path) -> None:
    def ensure(asked: str) -> certificates.EdgeCertificate:
        tls = Tls.model_validate({"client_certificates": asked})
        settings = Settings(security=Security(tls=tls))
        return certificates.ensure(tmp_path, settings, IPv4Address("203.0.113.5"), now=NOW)

    ensure("off")
    assert not (tmp_path / "edge/clients.pem").exists()
    assert ensure("optional").changed
    assert not ensure("required").changed
    issuer = clients.ensure(tmp_path, NOW)
    made = issuer.issue("1001", "sip.example.com", NOW)
    assert not ensure("required").changed
    issuer.revoke("1001", NOW)
    assert ensure("required").changed
    assert (tmp_path / "edge/clients.pem").read_bytes() == issuer.ca
    listed = x509.load_pem_x509_crl((tmp_path / "edge/revoked.pem").read_bytes())
    assert [one.serial_number for one in listed] == [made.serial]


def test_the_private_parts_are_private(tmp_path: Path, issuer: clients.Clients) -> None:
    issuer.issue("1001", "sip.example.com", NOW)
    assert (tmp_path / "clients").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "clients/ca.key").stat().st_mode & 0o777 == 0o600
