"""Making and checking X-Company-Signature, for applications that call through Ringwall.

This file needs nothing but Python's standard library: copy it into your application. The page
docs/security/signature.md of Ringwall has the format, and a test vector.

    header = sign(Request("INVITE", "600", "1001", call_id), "k1", key)
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

HEADER = "X-Company-Signature"
WINDOW = 60
"""How many seconds a time may be off, unless the SBC is told otherwise."""

Flaw = Literal["invalid", "stale"]
_FORM = re.compile(
    r"v1;kid=(?P<kid>k[1-9][0-9]{0,5});ts=(?P<ts>[1-9][0-9]{9})"
    r";nonce=(?P<nonce>[A-Za-z0-9_-]{16,64});sig=(?P<sig>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a signature is bound to, each as it stands in the request.

    The users are what is before the ``@`` of a URI, escapes (``%23``) included and a password
    not; "" where there is none, as in the request URI of a REGISTER.
    """

    method: str
    uri_user: str
    from_user: str
    call_id: str

    def __post_init__(self) -> None:
        for name in ("method", "uri_user", "from_user", "call_id"):
            if re.search("[^!-~]", getattr(self, name)):
                raise ValueError(f"{name} holds what no SIP request has there: escape it")


def sign(
    request: Request,
    kid: str,
    key: str,
    timestamp: int | None = None,
    nonce: str | None = None,
) -> str:
    """Return the value of the header; ``ValueError`` where it could not be one.

    ``timestamp`` is in Unix seconds (now), ``nonce`` 16 to 64 letters, digits, ``_`` and ``-``
    (at random: it must never recur in another Call-ID). Say the same header again when the
    request is repeated with credentials after 401 or 407.
    """
    moment = int(time.time()) if timestamp is None else timestamp
    once = secrets.token_urlsafe(18) if nonce is None else nonce
    value = f"v1;kid={kid};ts={moment};nonce={once};sig={_mac(request, key, str(moment), once)}"
    if not _FORM.fullmatch(value):
        raise ValueError(f"kid {kid!r}, timestamp {moment} or nonce {once!r} is not of the form")
    return value


def verify(
    header: str,
    request: Request,
    keys: Mapping[str, str],
    now: float | None = None,
    window: int = WINDOW,
) -> Flaw | None:
    """Return what is wrong with a header, or None.

    ``keys`` are those that are good now, by their ``kid``; ``now`` and ``window`` are seconds.
    Whether the nonce was there before with another Call-ID is for the caller to remember.
    """
    found = _FORM.fullmatch(header)
    key = keys.get(found["kid"]) if found else None
    if found is None or key is None:
        return "invalid"
    if not hmac.compare_digest(_mac(request, key, found["ts"], found["nonce"]), found["sig"]):
        return "invalid"
    moment = time.time() if now is None else now
    return "stale" if abs(int(moment) - int(found["ts"])) > window else None


def _mac(request: Request, key: str, timestamp: str, nonce: str) -> str:
    fields = (
        *(request.method, request.uri_user, request.from_user, request.call_id),
        *(timestamp, nonce),
    )
    return hmac.new(key.encode(), "\n".join(fields).encode(), hashlib.sha256).hexdigest()
