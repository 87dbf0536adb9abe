from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Table

from ringwall.store import tables

PAGE = (Path(__file__).parents[3] / "docs" / "records.md").read_text()
DESCRIBED = [
    tables.cdrs,
    tables.cdr_legs,
    tables.acc,
    tables.missed_calls,
    tables.registration_events,
    tables.verdicts,
    tables.record_marks,
    tables.address_notes,
    tables.blocklist_keys,
]


@pytest.mark.parametrize("table", DESCRIBED, ids=lambda table: table.name)
def test_the_page_tells_of_every_column(table: Table) -> None:
    parts = re.split("^## ", PAGE, flags=re.MULTILINE)
    part = next((part for part in parts if table.name in part.partition("\n")[0]), PAGE)
    assert {c.name for c in table.columns if f"`{c.name}`" not in part} <= {"id"}
