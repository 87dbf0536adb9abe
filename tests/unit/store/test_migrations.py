from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from ringwall import store
from ringwall.store import tables


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config)


def test_the_migrations_are_one_chain() -> None:
    found = scripts()
    assert len(found.get_heads()) == 1
    assert [each.revision for each in found.walk_revisions()][-1] == "0001"


def test_the_tables_that_are_used_are_made() -> None:
    made = "".join(Path(each.path).read_text() for each in scripts().walk_revisions())
    ours = (
        *(
            tables.subscriber_digests,
            tables.subscriber_groups,
            tables.mailboxes,
            tables.cdrs,
            tables.cdr_legs,
        ),
        *(tables.registration_events, tables.record_marks, tables.verdicts, tables.bans),
        *(tables.address_notes, tables.blocklist_keys),
    )
    for table in ours:
        assert f"CREATE TABLE IF NOT EXISTS {table.name} " in made
        for column in table.columns:
            assert f" {column.name} " in made
