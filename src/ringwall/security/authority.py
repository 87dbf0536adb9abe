"""A certificate authority of Ringwall's own; its key never leaves the instance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ringwall.errors import RingwallError
from ringwall.security import files

CA_LIFETIME = timedelta(days=3652)
LEAF_LIFETIME = timedelta(days=397)
_BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
# Phones whose clock is a little slow must not refuse a new certificate.
_BACKDATE = timedelta(hours=1)
_REMEDY = (
    "restore ca.pem and ca.key from a backup; or delete both, and `./ringwall up` makes a new CA, "
    "which phones must then be given again"
)


@dataclass(frozen=True, slots=True)
class Authority:
    """The CA's certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(
        self,
        names: list[x509.GeneralName],
        now: datetime,
        *,
        subject: str | None = None,
        usage: tuple[x509.ObjectIdentifier, ...] = _BOTH,
        lifetime: timedelta = LEAF_LIFETIME,
    ) -> tuple[x509.Certificate, bytes]:
        """Issue a certificate; return it with its key in PEM.

        ``subject`` is the common name, by default the first of ``names``.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        end = min(now + lifetime, self.certificate.not_valid_after_utc)
        common = subject or str(names[0].value)
        builder = _builder(common, self.certificate.subject, key, now - _BACKDATE, end)
        for extension, critical in self._extensions(names, usage):
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256()), _pem(key)

    def issued(self, leaf: x509.Certificate) -> bool:
        """Tell whether this CA signed the certificate."""
        try:
            leaf.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def _extensions(
        self, names: list[x509.GeneralName], usage: tuple[x509.ObjectIdentifier, ...]
    ) -> list[tuple[x509.ExtensionType, bool]]:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return [
            (x509.SubjectAlternativeName(names), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.ExtendedKeyUsage(usage), False),
            (identifier, False),
        ]


def ensure(directory: Path, now: datetime, name: str = "Ringwall CA") -> Authority:
    """Return the CA in ca.pem and ca.key; make it, called ``name``, when there is none.

    Raises ``RingwallError`` when one of the two is missing or damaged, or it has expired.
    """
    certificate, key = directory / "ca.pem", directory / "ca.key"
    if not certificate.exists() and not key.exists():
        _make(certificate, key, now, name)
    return _load(certificate, key, now)


def _make(certificate_path: Path, key_path: Path, now: datetime, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(name, issuer, key, now - _BACKDATE, now + CA_LIFETIME)
    for extension, critical in _ca_extensions(key):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(key, hashes.SHA256())
    files.write(key_path, _pem(key), 0o600)
    files.write(certificate_path, certificate.public_bytes(Encoding.PEM), 0o644)


def _ca_extensions(key: ec.EllipticCurvePrivateKey) -> list[tuple[x509.ExtensionType, bool]]:
    usage = dict.fromkeys(
        [
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
            "key_agreement", "encipher_only", "decipher_only",
        ],
        False,
    )  # fmt: skip
    return [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]


def _load(certificate_path: Path, key_path: Path, now: datetime) -> Authority:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = load_pem_private_key(key_path.read_bytes(), password=None)
    except OSError as error:
        raise _unusable(Path(error.filename), f"cannot be read ({error.strerror})") from error
    except (ValueError, TypeError) as error:
        raise _unusable(certificate_path, "or ca.key is damaged") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or (
        key.public_key() != certificate.public_key()
    ):
        raise _unusable(certificate_path, "does not belong to ca.key")
    if certificate.not_valid_after_utc <= now:
        raise _unusable(certificate_path, f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    return Authority(certificate, key)


def _unusable(path: Path, why: str) -> RingwallError:
    return RingwallError(f"{path}: {why}", _REMEDY)


def _builder(
    subject: str,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
