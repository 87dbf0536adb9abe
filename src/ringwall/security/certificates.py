"""The edge's TLS certificate: the user's own, or one that Ringwall's own CA issues."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.errors import RingwallError
from ringwall.render.encryption import CLIENT_CA, CLIENT_CRL
from ringwall.security import authority, clients, files, own_certificate
from ringwall.security.authority import Authority
from ringwall.security.secrets import KAMAILIO

RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class EdgeCertificate:
    """What the edge presents; ``changed``: Kamailio has to be restarted or told."""

    source: Literal["own", "issued"]
    names: tuple[str, ...]
    not_after: datetime
    changed: bool
    warnings: tuple[str, ...] = ()


def ensure(
    directory: Path,
    settings: Settings,
    public_address: IPv4Address,
    owners: bool = True,
    now: datetime | None = None,
) -> EdgeCertificate:
    """Put the edge's certificate and key into ``directory``/edge.

    Taken from ``directory``/own when fullchain.pem and key.pem are there; otherwise issued
    for the domains, the public and the edge address, and renewed when those change or fewer
    than 30 days are left. Where client certificates are asked for, their CA and its list of
    revoked ones stand beside it. ``owners`` gives the files to Kamailio's uid (needs root).
    Raises ``RingwallError`` naming the file that cannot be used.
    """
    moment = now or datetime.now(UTC)
    edge = _Edge(directory / "edge", KAMAILIO if owners and os.geteuid() == 0 else None)
    files.folder(directory, 0o755)
    edge.protect()
    names = _names(settings, public_address)
    clients_changed = settings.security.tls.client_certificates != "off" and edge.put_clients(
        clients.ensure(directory, moment)
    )
    made = _made(edge, directory, names, moment)
    return replace(made, changed=made.changed or clients_changed)


def discard(directory: Path) -> None:
    """Take away the edge's certificate, so that ``ensure`` makes another."""
    (directory / "edge/fullchain.pem").unlink(missing_ok=True)


def _made(
    edge: _Edge, directory: Path, names: list[x509.GeneralName], moment: datetime
) -> EdgeCertificate:
    own = own_certificate.load(directory / "own", moment)
    if own is not None:
        changed = edge.put(own.fullchain, own.key)
        warnings = own_certificate.warnings(own.leaf, names, moment, RENEW_BEFORE)
        return EdgeCertificate("own", _dns(own.leaf), _end(own.leaf), changed, warnings)
    ca = authority.ensure(directory, moment)
    return _issued(edge, ca, names, moment)


def _issued(
    edge: _Edge, ca: Authority, names: list[x509.GeneralName], moment: datetime
) -> EdgeCertificate:
    leaf = edge.current()
    fresh = leaf is None or not _serves(leaf, ca, names, moment)
    if leaf is None or fresh:
        leaf, key = ca.issue(names, moment)
        pem = leaf.public_bytes(Encoding.PEM) + ca.certificate.public_bytes(Encoding.PEM)
        edge.put(pem, key)
    return EdgeCertificate("issued", _dns(leaf), _end(leaf), fresh)


class _Edge:
    """The folder that Kamailio reads."""

    def __init__(self, directory: Path, owner: int | None) -> None:
        self._chain, self._key = directory / "fullchain.pem", directory / "key.pem"
        self._directory, self._owner = directory, owner

    def protect(self) -> None:
        files.folder(self._directory, 0o500 if self._owner else 0o700, self._owner)

    def put(self, fullchain: bytes, key: bytes) -> bool:
        """Write both where they differ; return whether they did."""
        if (_bytes(self._chain), _bytes(self._key)) == (fullchain, key):
            return False
        # The key goes first: a crash in between leaves a pair that does not match, which
        # the next start notices and replaces.
        files.write(self._key, key, 0o400, self._owner)
        files.write(self._chain, fullchain, 0o444, self._owner)
        return True

    def put_clients(self, issuer: clients.Clients) -> bool:
        """Write what clients' certificates are checked with; return whether that changed it."""
        fresh = {CLIENT_CA: issuer.ca, CLIENT_CRL: issuer.crl}
        changed = {name for name, data in fresh.items() if _bytes(self._directory / name) != data}
        for name in changed:
            files.write(self._directory / name, fresh[name], 0o444, self._owner)
        return bool(changed)

    def current(self) -> x509.Certificate | None:
        """Return the certificate that is there, if it is whole and its key matches."""
        try:
            return own_certificate.pair(_bytes(self._chain), _bytes(self._key))
        except ValueError:
            return None


def _serves(
    leaf: x509.Certificate, ca: Authority, names: list[x509.GeneralName], moment: datetime
) -> bool:
    if leaf.not_valid_after_utc - moment < RENEW_BEFORE or not ca.issued(leaf):
        return False
    return set(own_certificate.alternative_names(leaf)) == set(names)


def _names(settings: Settings, public_address: IPv4Address) -> list[x509.GeneralName]:
    edge = Addresses(settings).kamailio_edge
    texts = dict.fromkeys([*settings.sbc.domains, str(public_address), str(edge)])
    return [_name(text) for text in texts]


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(IPv4Address(text))
    except ValueError:
        return x509.DNSName(text)


def _dns(leaf: x509.Certificate) -> tuple[str, ...]:
    return tuple(str(name.value) for name in own_certificate.alternative_names(leaf))


def _end(leaf: x509.Certificate) -> datetime:
    return leaf.not_valid_after_utc


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise RingwallError(f"{path}: cannot be read ({error.strerror})", "run as root") from error
