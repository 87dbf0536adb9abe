"""The catalogue: every family of cases, in the order in which they are run.

What warms up caches (TLS, connections) comes in the first half: memory is compared over the second.
"""

from __future__ import annotations

from ringwall.checks.audit.case import Family
from ringwall.checks.audit.catalogue import (
    blocked,
    calls,
    credentials,
    descriptions,
    dialogs,
    floods,
    identity,
    media,
    reach,
    rfc4475_invalid,
    rfc4475_other,
    rfc4475_valid,
    rfc4475_valid_more,
    rfc5118,
    scanners,
    secure,
    signatures,
    sizes,
    stored,
    streams,
)

FAMILIES = (
    Family("tls", "TLS and certificates", secure.CASES),
    Family("floods", "floods; slow, idle and endless connections", streams.CASES + floods.CASES),
    Family("media", "media of calls", media.CASES),
    Family("descriptions", "session descriptions, multipart bodies", descriptions.CASES),
    Family("identity", "false identities, smuggled headers", identity.CASES),
    Family("torture", "torture messages (RFC 4475, RFC 5118)",
           rfc4475_valid.CASES + rfc4475_valid_more.CASES + rfc4475_invalid.CASES
           + rfc4475_other.CASES + rfc5118.CASES),
    Family("dialogs", "running calls, fake dialogs, preloaded routes, foreign domains",
           calls.CASES + dialogs.CASES),
    Family("credentials", "missing, wrong and replayed credentials", credentials.CASES),
    Family("signatures", "signatures that are missing, forged, old or used before",
           signatures.CASES),
    Family("stored", "what is stored and shown", stored.CASES),
    Family("blocked", "blocked addresses and networks", blocked.CASES),
    Family("sizes", "lengths, numbers and counts", sizes.CASES),
    Family("scanners", "attack tools", scanners.CASES),
    Family("reach", "what can be reached", reach.CASES),
)  # fmt: skip
"""Families and cases have names that are unique."""
