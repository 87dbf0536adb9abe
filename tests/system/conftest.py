"""Destructive tests last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_LAST = (
    "test_pushes",
    "test_vanished",
    "test_records_chaos",
    "test_failover",
    "test_database_away",
    "test_lifecycle",
)
"""They take parts of the system away; all others must have passed by then."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    ours = [item for item in items if here in item.path.parents]
    for item in ours:
        item.add_marker("system")
    items.sort(key=lambda item: _LAST.index(item.path.stem) if item.path.stem in _LAST else -1)
