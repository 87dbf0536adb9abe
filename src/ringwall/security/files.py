"""Files that are there as a whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ringwall.errors import RingwallError


def write(path: Path, data: bytes, mode: int, owner: int | None = None) -> None:
    """Put ``data`` at ``path`` in one step; a reader sees the old file or the new one.

    ``owner`` is the uid and gid to give it (None: whoever runs this). Raises
    ``RingwallError`` when the disk or the permissions do not allow it; the old file stays.
    """
    with stream(path, mode, owner) as file:
        file.write(data)


@contextmanager
def stream(path: Path, mode: int, owner: int | None = None) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when the block ends without an error.

    Otherwise as ``write``.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        with _made(fresh, mode, owner) as file:
            yield file
        fresh.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def folder(path: Path, mode: int, owner: int | None = None) -> None:
    """Make a directory and give it ``mode`` and ``owner``; raise ``RingwallError``."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        own(path, mode, owner)
    except OSError as error:
        raise unwritable(path, error) from error


def own(path: Path, mode: int, owner: int | None) -> None:
    """Give an existing file or directory its mode and owner; raise ``OSError``."""
    if owner is not None:
        os.chown(path, owner, owner, follow_symlinks=False)
    path.chmod(mode)


def unwritable(path: Path, error: OSError) -> RingwallError:
    """Say that a path cannot be written, and what to look at."""
    return RingwallError(
        f"{path}: cannot be written ({error.strerror or error})",
        "make room on the disk, and run as root in a directory that root may write",
    )


@contextmanager
def _made(path: Path, mode: int, owner: int | None) -> Iterator[BinaryIO]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        if owner is not None:
            os.fchown(file.fileno(), owner, owner)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
