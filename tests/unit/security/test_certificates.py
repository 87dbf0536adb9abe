from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from ringwall.config.model import Sbc, Settings
from ringwall.errors import BadInput, RingwallError
from ringwall.security import authority, certificates
from ringwall.security.certificates import EdgeCertificate

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PUBLIC = IPv4Address("203.0.113.5")
SETTINGS = Settings(sbc=Sbc(domains=("sip.example.com", "example.org")))


def ensure(directory: Path, settings: Settings = SETTINGS, now: datetime = NOW) -> EdgeCertificate:
    return certificates.ensure(directory, settings, PUBLIC, now=now)


def leaf(directory: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / "edge/fullchain.pem").read_bytes())


def bring(directory: Path, *domains: str, now: datetime = NOW) -> None:
    """Put a good certificate of another CA into own/."""
    ca = directory.with_name("other")
    ca.mkdir(exist_ok=True)
    names: list[x509.GeneralName] = [x509.DNSName(domain) for domain in domains]
    other = authority.ensure(ca, now)
    certificate, key = other.issue(names, now)
    chain = certificate.public_bytes(Encoding.PEM) + other.certificate.public_bytes(Encoding.PEM)
    (directory / "own").mkdir(parents=True, exist_ok=True)
    (directory / "own/fullchain.pem").write_bytes(chain)
    (directory / "own/key.pem").write_bytes(key)


def test_a_certificate_is_issued_for_all_names(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    assert (made.source, made.changed, made.warnings) == ("issued", True, ())
    assert made.names == ("sip.example.com", "example.org", "203.0.113.5", "10.5.1.2")
    assert made.not_after == NOW + timedelta(days=397)
    ca = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    assert ca.not_valid_after_utc - NOW > timedelta(days=3650)
    leaf(tmp_path).verify_directly_issued_by(ca)
    key = load_pem_private_key((tmp_path / "edge/key.pem").read_bytes(), None)
    assert key.public_key() == leaf(tmp_path).public_key()
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "edge/key.pem").stat().st_mode & 0o777 == 0o400


def test_it_stays_while_it_is_good(tmp_path: Path) -> None:
    ensure(tmp_path)
    before = leaf(tmp_path)
    again = ensure(tmp_path, now=NOW + timedelta(days=366))
    assert not again.changed
    assert leaf(tmp_path) == before


def test_it_is_renewed_in_its_last_30_days_by_the_same_ca(tmp_path: Path) -> None:
    ensure(tmp_path)
    ca = (tmp_path / "ca.pem").read_bytes()
    later = NOW + timedelta(days=368)
    again = ensure(tmp_path, now=later)
    assert again.changed
    assert again.not_after == later + timedelta(days=397)
    assert (tmp_path / "ca.pem").read_bytes() == ca


def test_it_is_renewed_when_the_names_change(tmp_path: Path) -> None:
    ensure(tmp_path)
    again = ensure(tmp_path, Settings())
    assert again.changed
    assert again.names == ("sip.example.com", "203.0.113.5", "10.5.1.2")


@pytest.mark.parametrize("name", ["fullchain.pem", "key.pem"])
@pytest.mark.parametrize("content", [None, b"", b"half"])
def test_a_damaged_issued_pair_is_replaced(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    ensure(tmp_path)
    path = tmp_path / "edge" / name
    path.chmod(0o600)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert ensure(tmp_path).changed
    assert not ensure(tmp_path).changed


def test_a_new_ca_issues_a_new_certificate(tmp_path: Path) -> None:
    ensure(tmp_path)
    (tmp_path / "ca.pem").unlink()
    (tmp_path / "ca.key").unlink()
    assert ensure(tmp_path).changed


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
def test_half_a_ca_is_an_error(tmp_path: Path, name: str) -> None:
    ensure(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(RingwallError, match=f"{name}: cannot be read") as caught:
        ensure(tmp_path)
    assert "backup" in (caught.value.remedy or "")


def test_a_ca_of_two_halves_is_an_error(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    ensure(one)
    ensure(two)
    (one / "ca.key").write_bytes((two / "ca.key").read_bytes())
    with pytest.raises(RingwallError, match=r"does not belong to ca\.key"):
        ensure(one)


def test_a_damaged_or_expired_ca_is_an_error(tmp_path: Path) -> None:
    ensure(tmp_path)
    with pytest.raises(RingwallError, match="expired on 2036"):
        ensure(tmp_path, now=NOW + timedelta(days=3660))
    (tmp_path / "ca.key").write_text("half")
    with pytest.raises(RingwallError, match="damaged"):
        ensure(tmp_path)


def test_the_users_own_certificate_is_used(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    assert ensure(directory).source == "issued"
    bring(directory, "sip.example.com", "example.org")
    made = ensure(directory)
    assert (made.source, made.changed, made.warnings) == ("own", True, ())
    for name in ("fullchain.pem", "key.pem"):
        brought = (directory / "own" / name).read_bytes()
        assert (directory / "edge" / name).read_bytes() == brought
    assert not ensure(directory).changed


def test_a_wildcard_covers_one_label(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    bring(directory, "*.example.com")
    assert ensure(directory).warnings == ("your certificate does not name example.org",)


def test_an_own_certificate_that_ends_soon_is_used_with_a_warning(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    bring(directory, "sip.example.com", "example.org")
    made = ensure(directory, now=NOW + timedelta(days=380))
    assert made.source == "own"
    assert made.warnings == ("your certificate expires on 2027-12-03",)


def test_removing_the_own_certificate_issues_one_again(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    bring(directory, "sip.example.com")
    ensure(directory)
    (directory / "own/fullchain.pem").unlink()
    (directory / "own/key.pem").unlink()
    assert ensure(directory).source == "issued"


@pytest.mark.parametrize("name", ["fullchain.pem", "key.pem"])
def test_half_an_own_certificate_is_an_error(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "certs"
    bring(directory, "sip.example.com")
    (directory / "own" / name).unlink()
    with pytest.raises(BadInput, match=f"own/{name}: cannot be read"):
        ensure(directory)


def test_an_own_certificate_out_of_its_dates_is_an_error(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    bring(directory, "sip.example.com")
    with pytest.raises(BadInput, match=r"fullchain\.pem: the certificate expired on 2027-12-03"):
        ensure(directory, now=NOW + timedelta(days=400))
    with pytest.raises(BadInput, match="not valid before 2026-11-01"):
        ensure(directory, now=NOW - timedelta(days=1))


def test_the_key_of_another_certificate_is_an_error(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    bring(directory, "sip.example.com")
    key = (directory / "own/key.pem").read_bytes()
    bring(directory, "sip.example.com")
    (directory / "own/key.pem").write_bytes(key)
    with pytest.raises(BadInput, match=r"key\.pem does not belong to fullchain\.pem"):
        ensure(directory)


def test_a_chain_in_the_wrong_order_is_an_error(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    bring(directory, "sip.example.com")
    path = directory / "own/fullchain.pem"
    first, second = x509.load_pem_x509_certificates(path.read_bytes())
    path.write_bytes(second.public_bytes(Encoding.PEM) + first.public_bytes(Encoding.PEM))
    with pytest.raises(BadInput, match="does not start with the certificate"):
        ensure(directory)


def test_an_encrypted_key_is_an_error(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    bring(directory, "sip.example.com")
    path = directory / "own/key.pem"
    key = load_pem_private_key(path.read_bytes(), None)
    encryption = BestAvailableEncryption(b"x")
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    with pytest.raises(BadInput, match="encrypted"):
        ensure(directory)


@pytest.mark.parametrize("name", ["fullchain.pem", "key.pem"])
def test_an_own_file_that_is_no_pem_is_an_error(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "certs"
    bring(directory, "sip.example.com")
    (directory / "own" / name).write_text("nothing")
    with pytest.raises(BadInput, match=f"{name} holds no .* in PEM"):
        ensure(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_kamailio_owns_its_files(tmp_path: Path) -> None:
    ensure(tmp_path)
    for name in ("edge", "edge/key.pem", "edge/fullchain.pem"):
        assert (tmp_path / name).stat().st_uid == 2001
    assert (tmp_path / "ca.key").stat().st_uid == 0
