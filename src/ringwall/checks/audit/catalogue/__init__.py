"""The catalogue: every family of cases, in the order in which they are run.

What warms up caches (TLS, connections) comes in the first half: memory is compared over the second.
"""

from __future__ import annotations

from ringwall.checks.audit.case import Family
from ringwall.checks.audit.catalogue import (
    calls,
    credentials,
    dialogs,
    identity,
    rfc4475_invalid,
    rfc4475_other,
    rfc4475_valid,
    rfc5118,
    scanners,
    sizes,
)

FAMILIES = (
    Family("torture", "torture messages (RFC 4475)",
           rfc4475_valid.CASES + rfc4475_invalid.CASES + rfc4475_other.CASES),
    Family("dialogs", "fake dialogs, preloaded routes, foreign domains", dialogs.CASES),
    Family("calls", "strangers in a running call", calls.CASES),
    Family("credentials", "missing, wrong and replayed credentials", credentials.CASES),
    Family("identity", "false identities, smuggled headers", identity.CASES),
    Family("sizes", "lengths, numbers and counts", sizes.CASES),
    Family("scanners", "attack tools", scanners.CASES),
    Family("ipv6", "IPv6 in messages (RFC 5118)", rfc5118.CASES),
)  # fmt: skip
