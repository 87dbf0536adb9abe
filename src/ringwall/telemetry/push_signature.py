"""How a receiver knows that a push is Ringwall's and fresh."""

from __future__ import annotations

import hashlib
import hmac

SCHEME = "v1"


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of X-Ringwall-Signature; ``timestamp`` is in Unix seconds.

    HMAC-SHA256 in hexadecimal, with the secret's text as the key, over the timestamp as it
    stands in its header, a full stop, and the body as it is sent.
    """
    message = str(timestamp).encode() + b"." + body
    return f"{SCHEME}={hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}"


def is_signed(secret: str, timestamp: str, body: bytes, signature: str) -> bool:
    """Tell whether a signature is right, in a time that does not tell how nearly.

    How old a push may be is the receiver's own decision (docs/registrations.md: 5 minutes).
    """
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    return hmac.compare_digest(sign(secret, int(timestamp), body), signature)
