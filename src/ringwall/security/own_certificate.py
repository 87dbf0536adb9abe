"""A certificate that the user brings: certs/own/fullchain.pem and key.pem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ringwall.errors import BadInput


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """The two files, and the certificate that comes first in the chain."""

    leaf: x509.Certificate
    fullchain: bytes
    key: bytes


def load(directory: Path, now: datetime) -> OwnCertificate | None:
    """Return the user's certificate, or None where there is none.

    Raises ``BadInput`` when it cannot be used: one file missing, damaged, key of another
    certificate or encrypted, expired or not valid yet.
    """
    chain, key = directory / "fullchain.pem", directory / "key.pem"
    if not chain.exists() and not key.exists():
        return None
    fullchain, secret = _read(chain), _read(key)
    try:
        leaf = pair(fullchain, secret)
    except ValueError as error:
        raise BadInput(f"{directory}: {error}", _remedy(directory)) from error
    _check_dates(chain, leaf, now)
    return OwnCertificate(leaf, fullchain, secret)


def pair(fullchain: bytes, key: bytes) -> x509.Certificate:
    """Return the first certificate; raise ``ValueError`` unless the key belongs to it."""
    leaf, *others = _certificates(fullchain)
    public = _key(key)
    if leaf.public_key() != public:
        if any(other.public_key() == public for other in others):
            raise ValueError("fullchain.pem does not start with the certificate of key.pem")
        raise ValueError("key.pem does not belong to fullchain.pem")
    return leaf


def first(path: Path) -> x509.Certificate:
    """Return the first certificate of a file; raise ``BadInput`` where there is none."""
    try:
        return _certificates(_read(path))[0]
    except ValueError as error:
        raise BadInput(f"{path}: holds no certificate in PEM", _remedy(path.parent)) from error


def _certificates(fullchain: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(fullchain)
    except ValueError as error:
        raise ValueError("fullchain.pem holds no certificate in PEM") from error


def _key(data: bytes) -> object:
    try:
        return load_pem_private_key(data, password=None).public_key()
    except TypeError as error:
        raise ValueError("key.pem is encrypted: Kamailio has nobody to ask") from error
    except ValueError as error:
        raise ValueError("key.pem holds no private key in PEM") from error


def warnings(
    leaf: x509.Certificate,
    wanted: Iterable[x509.GeneralName],
    now: datetime,
    soon: timedelta,
) -> tuple[str, ...]:
    """Return what is no error but will trouble phones: names that lack, an end that is near."""
    named = {str(name.value) for name in alternative_names(leaf)}
    missing = [
        name.value
        for name in wanted
        if isinstance(name, x509.DNSName) and not _covers(named, name.value)
    ]
    found = [f"your certificate does not name {name}" for name in missing]
    if leaf.not_valid_after_utc - now < soon:
        found.append(f"your certificate expires on {leaf.not_valid_after_utc:%Y-%m-%d}")
    return tuple(found)


def alternative_names(leaf: x509.Certificate) -> list[x509.GeneralName]:
    """Return the subject alternative names (RFC 5280 section 4.2.1.6)."""
    try:
        return list(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def _covers(named: set[str], domain: str) -> bool:
    return domain in named or f"*.{domain.partition('.')[2]}" in named


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be read ({error.strerror})", _remedy(path.parent)
        ) from error


def _check_dates(path: Path, leaf: x509.Certificate, now: datetime) -> None:
    if leaf.not_valid_after_utc <= now:
        end = f"{leaf.not_valid_after_utc:%Y-%m-%d}"
        raise BadInput(f"{path}: the certificate expired on {end}", _remedy(path.parent))
    if leaf.not_valid_before_utc > now:
        start = f"{leaf.not_valid_before_utc:%Y-%m-%d}"
        raise BadInput(f"{path}: the certificate is not valid before {start}", "check the clock")


def _remedy(directory: Path) -> str:
    return (
        f"put the certificate with its chain, and its unencrypted key, into {directory} as "
        "fullchain.pem and key.pem; or remove both to have one issued"
    )
