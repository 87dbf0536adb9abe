"""Requests that were refused, and why.

What a SIP message brings is compared byte by byte (RFC 3261, 8.1.1.4): NOPAD, binary.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BINARY = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE IF NOT EXISTS verdicts ("
        " id BIGINT UNSIGNED AUTO_INCREMENT NOT NULL PRIMARY KEY,"
        " event_id CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
        " at DATETIME(3) NOT NULL, sbc_node VARCHAR(64) NOT NULL,"
        " reason VARCHAR(64) NOT NULL, action VARCHAR(16) NOT NULL,"
        " sip_code SMALLINT UNSIGNED NOT NULL, class VARCHAR(16) NOT NULL,"
        " source_address VARCHAR(45) NOT NULL, source_port SMALLINT UNSIGNED NOT NULL,"
        f" transport VARCHAR(8) NOT NULL, method VARCHAR(32) {_BINARY},"
        f" call_id VARCHAR(255) {_BINARY},"
        " user VARCHAR(128) NOT NULL, dialled VARCHAR(128) NOT NULL,"
        " user_agent VARCHAR(128) NOT NULL, count BIGINT UNSIGNED NOT NULL,"
        " UNIQUE KEY event_ids (event_id), KEY addresses (source_address, at),"
        " KEY call_ids (call_id, at), KEY users (user, at), KEY times (at, id))"
        " ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4"
    )


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS verdicts")
