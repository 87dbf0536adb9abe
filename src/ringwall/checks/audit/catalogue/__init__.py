"""The catalogue: every family of cases, in the order in which they are run.

What warms up caches (TLS, connections) comes in the first half: memory is compared over the second.
"""

from __future__ import annotations

from ringwall.checks.audit.case import Family
from ringwall.checks.audit.catalogue import (
    rfc4475_invalid,
    rfc4475_other,
    rfc4475_valid,
    rfc5118,
)

FAMILIES = (
    Family("torture", "torture messages (RFC 4475)",
           rfc4475_valid.CASES + rfc4475_invalid.CASES + rfc4475_other.CASES),
    Family("ipv6", "IPv6 in messages (RFC 5118)", rfc5118.CASES),
)  # fmt: skip
