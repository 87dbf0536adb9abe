"""The layers that stop attacks, in the order in which a request meets them."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.config.model import Settings


class Layer(Enum):
    """What stops an attack: its title, and the setting that switches it."""

    NETWORK = "networks", "always on"
    BLOCKLIST = "blocked addresses", "ringwall block"
    FLOOD = "flood budgets and bans", "security.flood"
    SANITY = "sanity", "always on"
    SCANNERS = "scanners", "security.scanners"
    HYGIENE = "header hygiene", "always on"
    DIALOG = "dialogs and routes", "always on"
    DOMAIN = "own domains only", "sbc.domains"
    TRANSPORT = "TLS and certificates", "security.tls"
    SIGNATURE = "signatures of official clients", "security.signature"
    DIGEST = "digest and identity", "security.digest"
    MEDIA = "media and SRTP", "security.srtp"
    RECORDS = "records", "always on"

    def __init__(self, title: str, switch: str) -> None:
        self.title, self.switch = title, switch

    @property
    def position(self) -> int:
        """Its place in the way of a request."""
        return list(Layer).index(self)

    @property
    def comes_after_transport(self) -> bool:
        """Whether TLS and certificates are asked for before this layer looks at a request."""
        return self.position > Layer.TRANSPORT.position


def tls_is_required(settings: Settings) -> bool:
    """Whether phones get nothing over UDP and TCP."""
    tls = settings.security.tls
    return tls.required or tls.client_certificates == "required"


def everyone_signs(settings: Settings) -> bool:
    """Whether every phone must sign, not only those of some groups."""
    signature = settings.security.signature
    return signature.mode == "hmac" and not signature.groups


def only_with(test: Callable[[Settings], bool], why_not: str) -> Callable[[Settings], str | None]:
    """Return a condition of cases: ``why_not`` says why they do not apply, where they do not."""
    return lambda settings: None if test(settings) else why_not


WITHOUT_TLS = only_with(lambda settings: not tls_is_required(settings), "TLS is required here")
WITH_TLS = only_with(tls_is_required, "TLS is not required here (security.tls)")
WITH_CERTIFICATES = only_with(
    lambda settings: settings.security.tls.client_certificates == "required",
    "certificates of phones are not required here (security.tls.client_certificates)",
)
WITH_SIGNATURES = only_with(
    lambda settings: settings.security.signature.mode == "hmac",
    "nobody makes signatures here (security.signature.mode: hmac)",
)
WITH_SRTP = only_with(
    lambda settings: settings.security.srtp.edge == "required",
    "SRTP is not required here (security.srtp.edge)",
)
WITHOUT_SRTP = only_with(
    lambda settings: settings.security.srtp.edge != "required",
    "SRTP is required here: plain media is refused before",
)
