"""From the file to ``Settings``: read, validate, cross-check, and tell every mistake."""

from __future__ import annotations

from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ringwall.config import checks, document, explain
from ringwall.config.errors import ConfigErrors, Mistake, Place
from ringwall.config.model import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringwall.config.document import Document, Value


def load(path: Path) -> Settings:
    """Read a ringwall.yaml; raise ``ConfigErrors`` with all its mistakes.

    An empty file means all defaults. Paths in it are relative to the file's directory.
    """
    shown = _shown(path)
    read = document.parse(_text(path, shown), shown)
    settings = _understand(read, path.parent)
    if settings is None or read.mistakes:
        raise ConfigErrors(read.mistakes)
    return settings


def _shown(path: Path) -> str:
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _text(path: Path, shown: str) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _unreadable(shown, "there is no such file", "`ringwall init` writes one") from None
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
        raise _unreadable(shown, why, "make it a file that you may read") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _unreadable(shown, "is not UTF-8", "save it as UTF-8", line) from error


def _unreadable(file: str, message: str, remedy: str, line: int | None = None) -> ConfigErrors:
    return ConfigErrors([Mistake(file, line, "", message, remedy)])


def _understand(read: Document, directory: Path) -> Settings | None:
    """Make the settings without what is wrong; that is added to the document's mistakes."""
    data = {} if read.data is None else read.data
    broken: set[Place] = set()
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        for fault in explain.faults(error, data):
            broken.add(fault.place)
            read.mistakes.append(read.mistake(fault.message, fault.remedy, fault.place))
        if () in broken:
            return None
        settings = Settings.model_validate(_without(data, broken))
    read.mistakes += _crossed(read, settings, directory, broken)
    return settings


def _without(data: Value, broken: set[Place], at: Place = ()) -> Value:
    """Leave out what is broken, so that the rest can be compared all the same."""
    if isinstance(data, dict):
        parts = {
            key: _without(item, broken, (*at, key))
            for key, item in data.items()
            if (*at, key) not in broken
        }
        return {key: item for key, item in parts.items() if item != []}
    if isinstance(data, list):
        return [item for i, item in enumerate(data) if not _touches((*at, i), broken)]
    return data


def _touches(place: Place, broken: set[Place]) -> bool:
    """Whether something broken is this, lies in it, or holds it."""
    return any(place[: len(other)] == other[: len(place)] for other in broken)


def _crossed(
    read: Document, settings: Settings, directory: Path, broken: set[Place]
) -> Iterator[Mistake]:
    for finding in checks.check(settings, directory):
        places = [_original(place, broken) for place in finding.places]
        if not any(_touches(place, broken) for place in places):
            yield read.mistake(finding.message, finding.remedy, *places)


def _original(place: Place, broken: set[Place]) -> Place:
    """Find where in the file it stands: in what ``_without`` left, list items count anew."""
    found: Place = ()
    for step in place:
        found = (*found, _nth_whole(found, step, broken) if isinstance(step, int) else step)
    return found


def _nth_whole(items: Place, nth: int, broken: set[Place]) -> int:
    """Find the number that the nth unbroken item of the list has in the file, both from 0."""
    holes = {place[len(items)] for place in broken if place[: len(items)] == items != place}
    return next(islice((i for i in count() if i not in holes), nth, None))
