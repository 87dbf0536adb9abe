"""One command at a time changes the system."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringwall.errors import RingwallError


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file at ``path``; raise ``RingwallError`` with the holder's pid.

    The kernel lets go of it whatever becomes of this process, so nothing is left to clear.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise RingwallError(
            f"{path}: cannot be written ({error.strerror})",
            "run as root in a directory that root may write, with room on the disk",
        ) from error
    try:
        _take(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        raise RingwallError(
            f"another command changes this system already (pid {pid or 'unknown'}, {path})",
            "wait until it is done, then run this again",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
