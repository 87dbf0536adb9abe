"""Certificates of phones: a CA of their own, what it issued, and what was revoked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ringwall.errors import BadInput, RingwallError
from ringwall.security import authority, files
from ringwall.security.authority import LEAF_LIFETIME, Authority

NAME = "Ringwall client CA"
_FOLDER = "clients"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that was issued; ``revoked``: when, if it was."""

    user: str
    serial: int
    not_after: datetime
    revoked: datetime | None

    def good(self, now: datetime) -> bool:
        """Whether the edge accepts it."""
        return self.revoked is None and now < self.not_after


@dataclass(frozen=True, slots=True)
class Issued:
    """What a phone is given; ``pkcs12`` opens with ``password``."""

    certificate: bytes
    key: bytes
    pkcs12: bytes
    password: str
    serial: int
    not_after: datetime


class Clients:
    """The CA in one folder. One writer at a time: the caller holds the instance's lock."""

    def __init__(self, directory: Path, ca: Authority) -> None:
        self._issued = directory / "issued"
        self._crl = directory / "crl.pem"
        self._ca = ca

    @property
    def ca(self) -> bytes:
        """The CA's certificate in PEM."""
        return self._ca.certificate.public_bytes(Encoding.PEM)

    @property
    def not_after(self) -> datetime:
        """When the CA itself expires."""
        return self._ca.certificate.not_valid_after_utc

    @property
    def crl(self) -> bytes:
        """The list of revoked certificates in PEM (RFC 5280)."""
        if not self._crl.exists() or not self._read_crl().is_signature_valid(
            self._ca.key.public_key()
        ):
            self._write_crl({}, datetime.now(UTC))
        return self._crl.read_bytes()

    def issue(
        self, user: str, realm: str, now: datetime, lifetime: timedelta = LEAF_LIFETIME
    ) -> Issued:
        """Issue a certificate for a user, by its name and by its SIP URI (RFC 5922 7.1)."""
        certificate, key = self._ca.issue(
            [x509.UniformResourceIdentifier(f"sip:{user}@{realm}")],
            now,
            subject=user,
            usage=(ExtendedKeyUsageOID.CLIENT_AUTH,),
            lifetime=lifetime,
        )
        pem = certificate.public_bytes(Encoding.PEM)
        files.folder(self._issued, 0o700)
        files.write(self._issued / f"{certificate.serial_number:x}.pem", pem, 0o600)
        password = secrets.token_urlsafe(12)
        packed = self._pack(user, certificate, key, password)
        number, end = certificate.serial_number, certificate.not_valid_after_utc
        return Issued(pem, key, packed, password, number, end)

    def forget(self, serial: int) -> None:
        """List one no longer: its user is gone for good, and nobody has its key."""
        (self._issued / f"{serial:x}.pem").unlink(missing_ok=True)

    def listed(self) -> tuple[ClientCertificate, ...]:
        """Return all that were issued, the first to expire first."""
        revoked = self._revoked()
        found = [self._listed(path, revoked) for path in self._issued.glob("*.pem")]
        return tuple(sorted(found, key=lambda one: (one.not_after, one.serial)))

    def revoke(self, which: str, now: datetime) -> tuple[ClientCertificate, ...]:
        """Revoke one by its serial number (hexadecimal), or all good ones of a user.

        Return those that were revoked; ``BadInput`` where there is none.
        """
        good = [one for one in self.listed() if one.good(now)]
        serial = which.replace(":", "").lower().lstrip("0")
        # A user may be called like a number: what is a serial number is long.
        chosen = [one for one in good if f"{one.serial:x}" == serial] or [
            one for one in good if one.user == which
        ]
        if not chosen:
            raise BadInput(
                f"{which}: no certificate that could be revoked has this user or serial number",
                "`ringwall certs status` lists them",
            )
        self._write_crl(self._revoked() | {one.serial: now for one in chosen}, now)
        return tuple(chosen)

    def _pack(self, user: str, certificate: x509.Certificate, key: bytes, password: str) -> bytes:
        secret = load_pem_private_key(key, password=None)
        return pkcs12.serialize_key_and_certificates(
            user.encode(),
            secret,  # type: ignore[arg-type] # the CA makes elliptic curve keys
            certificate,
            [self._ca.certificate],
            BestAvailableEncryption(password.encode()),
        )

    def _listed(self, path: Path, revoked: dict[int, datetime]) -> ClientCertificate:
        try:
            found = x509.load_pem_x509_certificate(path.read_bytes())
        except ValueError as error:
            raise RingwallError(f"{path}: is no certificate", "restore it from a backup") from error
        user = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        number = found.serial_number
        return ClientCertificate(str(user), number, found.not_valid_after_utc, revoked.get(number))

    def _revoked(self) -> dict[int, datetime]:
        if not self._crl.exists():
            return {}
        return {one.serial_number: one.revocation_date_utc for one in self._read_crl()}

    def _read_crl(self) -> x509.CertificateRevocationList:
        try:
            return x509.load_pem_x509_crl(self._crl.read_bytes())
        except ValueError as error:
            raise RingwallError(
                f"{self._crl}: is no list of revoked certificates", "restore it from a backup"
            ) from error

    def _write_crl(self, revoked: dict[int, datetime], now: datetime) -> None:
        """Write it for as long as the CA lives: nobody but the edge reads it."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._ca.certificate.subject)
            .last_update(now - timedelta(hours=1))
            .next_update(self.not_after)
        )
        for serial, moment in revoked.items():
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(moment)
                .build()
            )
        signed = builder.sign(self._ca.key, hashes.SHA256())
        files.write(self._crl, signed.public_bytes(Encoding.PEM), 0o644)


def ensure(certs: Path, now: datetime) -> Clients:
    """Return the clients' CA in ``certs``/clients; make it when there is none.

    Raises ``RingwallError`` as ``authority.ensure`` does.
    """
    directory = certs / _FOLDER
    files.folder(directory, 0o700)
    return Clients(directory, authority.ensure(directory, now, NAME))


def present(certs: Path) -> bool:
    """Whether there is a clients' CA at all."""
    return (certs / _FOLDER / "ca.pem").exists()
