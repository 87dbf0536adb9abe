"""Reading a file of addresses and networks, one a line, a comment after ``#``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ringwall.api.errors import BadRows
from ringwall.api.models import RowError
from ringwall.errors import BadInput
from ringwall.store.block_book import MAX_ENTRIES, Entry, Network, read_target

_LONGEST_COMMENT = 255


def read(content: bytes, model: Entry, check: Callable[[Network], None]) -> list[Entry]:
    """Return the entries of the file, which are otherwise as ``model``.

    ``check`` raises ``BadInput`` for what must not be blocked. Raises ``BadRows`` with every
    line that is wrong, counted from 1.
    """
    entries: dict[Network, Entry] = {}
    faults: list[RowError] = []
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), 1):
        target, _, comment = line.partition("#")
        if not target.strip():
            continue
        try:
            entry = _entry(target.strip(), comment.strip(), model)
            check(entry.network)
            entries[entry.network] = entry
        except BadInput as error:
            faults.append(RowError(row=number, error=f"{error}; {error.remedy}"))
    if faults:
        raise BadRows(faults)
    if not entries:
        raise BadInput("the file names no address", "write one a line")
    if len(entries) > MAX_ENTRIES:
        raise BadInput(
            f"{len(entries)} entries exceed {MAX_ENTRIES}", "join neighbours to networks"
        )
    return list(entries.values())


def _entry(target: str, comment: str, model: Entry) -> Entry:
    if len(comment) > _LONGEST_COMMENT:
        raise BadInput(
            f"the comment has {len(comment)} characters", f"{_LONGEST_COMMENT} are the most"
        )
    return replace(model, network=read_target(target), comment=comment or model.comment)
