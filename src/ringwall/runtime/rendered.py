"""The directory of generated files: what is there, and how it becomes what it should be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ringwall.errors import RingwallError


@dataclass(frozen=True, slots=True)
class Changes:
    """Paths inside the directory, sorted."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def differences(directory: Path, files: Mapping[str, bytes]) -> Changes:
    """Compare the directory with what it should hold."""
    there = _there(directory)
    both = there & files.keys()
    return Changes(
        added=tuple(sorted(files.keys() - there)),
        changed=tuple(sorted(p for p in both if (directory / p).read_bytes() != files[p])),
        removed=tuple(sorted(there - files.keys())),
    )


def update(directory: Path, files: Mapping[str, bytes]) -> Changes:
    """Make the directory hold ``files`` and nothing else; return what that changed.

    All are written beside it first, so that a full disk changes nothing; then each takes its
    place in one step. Directories stay the same ones: containers have them mounted.
    """
    fresh = directory.with_name(f"{directory.name}.new")
    try:
        changes = differences(directory, files)
        shutil.rmtree(fresh, ignore_errors=True)
        for path in (*changes.added, *changes.changed):
            _write(fresh / path, files[path])
        for path in (*changes.added, *changes.changed):
            _folder((directory / path).parent)
            (fresh / path).replace(directory / path)
        for path in changes.removed:
            (directory / path).unlink()
    except OSError as error:
        raise RingwallError(
            f"{error.filename or directory}: cannot be written ({error.strerror})",
            "make room on the disk, and run as root in a directory that root may write",
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return changes


def _there(directory: Path) -> set[str]:
    paths = directory.rglob("*") if directory.is_dir() else ()
    return {str(path.relative_to(directory)) for path in paths if not path.is_dir()}


def _write(path: Path, content: bytes) -> None:
    _folder(path.parent)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o644)


def _folder(path: Path) -> None:
    """Make a directory that the containers' users may read, whatever the umask is."""
    if not path.is_dir():
        path.mkdir(parents=True)
        path.chmod(0o755)
