"""What is wrong with ringwall.yaml: every mistake, with its line and its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringwall.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

Place = tuple[str | int, ...]
"""Where a setting stands: ``("pbx", "nodes", 1, "address")``."""


def dotted(place: Place) -> str:
    """Write a place as people do: ``pbx.nodes[1].address``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return "".join(steps).removeprefix(".")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake; ``line`` counts from 1 and is None where the file has no such line."""

    file: str
    line: int | None
    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        at = self.file if self.line is None else f"{self.file}:{self.line}"
        where = f"{self.path}: " if self.path else ""
        return f"{at}: {where}{self.message}; {self.remedy}"


class ConfigErrors(BadInput):
    """ringwall.yaml cannot be used; ``items`` are all its mistakes, in the file's order."""

    def __init__(self, items: Iterable[Mistake]) -> None:
        self.items = sorted(items, key=lambda item: (item.line or 0, item.path, item.message))
        super().__init__("\n".join(str(item) for item in self.items))
