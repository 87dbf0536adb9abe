"""What routes/lockout.cfg needs to know."""

from __future__ import annotations

from ringwall.config.lockout_model import Lockout


def defines(lockout: Lockout) -> dict[str, str]:
    """Return the defines of routes/lockout.cfg, times in seconds; none where it is off."""
    if not lockout.enabled:
        return {}
    longest = lockout.longest_lock.seconds
    return {
        "WITH_LOCKOUT": "",
        "LOCKOUT_FAILURES": str(lockout.failures),
        "LOCKOUT_WITHIN": str(lockout.within.seconds),
        "FIRST_LOCK": str(lockout.first_lock.seconds),
        "LONGEST_LOCK": str(longest),
        "LOCKOUT_MEMORY": str(2 * longest),
    }
