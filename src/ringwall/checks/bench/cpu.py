"""CPU time of containers, as the kernel accounts it."""

from __future__ import annotations

from ringwall.runtime.engine import Engine

# By version 1 of control groups, in nanoseconds, or by version 2, in microseconds.
_READ = (
    "cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null "
    "|| sed -n 's/^usage_usec \\(.*\\)/\\1000/p' /sys/fs/cgroup/cpu.stat"
)


def used(engine: Engine, container: str) -> float:
    """Return the seconds of CPU that a container has used since its start."""
    return int(engine.exec(container, "sh", "-c", _READ)) / 1e9
