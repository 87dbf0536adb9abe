"""Calls and registrations on record; ``acc`` and ``missed_calls`` say who called whom.

MariaDB commits each of these statements by itself, so each can be run again.
What a SIP message brings is compared byte by byte (RFC 3261, 8.1.1.4): NOPAD, binary.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OPTIONS = " ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4"
_BINARY = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL"
_MEDIA = (
    " codec VARCHAR(32) NOT NULL, srtp BOOLEAN NOT NULL,"
    " mos_average DECIMAL(3,2) NULL, mos_min DECIMAL(3,2) NULL,"
    " loss DECIMAL(5,2) NULL, jitter DECIMAL(7,2) NULL,"
    " loss_caller DECIMAL(5,2) NULL, loss_callee DECIMAL(5,2) NULL,"
    " jitter_caller DECIMAL(7,2) NULL, jitter_callee DECIMAL(7,2) NULL,"
    " round_trip DECIMAL(7,2) NULL,"
)
_TIMES = (
    " invited_at DATETIME(3) NOT NULL, ringing_at DATETIME(3) NULL,"
    " answered_at DATETIME(3) NULL, ended_at DATETIME(3) NOT NULL,"
)
_ACC_COLUMNS = (
    "ADD COLUMN IF NOT EXISTS correlation_id VARCHAR(255) NOT NULL DEFAULT ''",
    "ADD COLUMN IF NOT EXISTS src_user VARCHAR(128) NOT NULL DEFAULT ''",
    "ADD COLUMN IF NOT EXISTS src_ip VARCHAR(45) NOT NULL DEFAULT ''",
    "ADD COLUMN IF NOT EXISTS dst_user VARCHAR(128) NOT NULL DEFAULT ''",
    "ADD COLUMN IF NOT EXISTS dst_ouser VARCHAR(128) NOT NULL DEFAULT ''",
    # A busy SBC uses up 32 bits within their retention.
    "MODIFY id BIGINT UNSIGNED AUTO_INCREMENT NOT NULL",
)
_ADDED = ("correlation_id", "src_user", "src_ip", "dst_user", "dst_ouser")


def upgrade() -> None:
    op.execute(
        "CREATE TABLE IF NOT EXISTS cdrs ("
        " id BIGINT UNSIGNED AUTO_INCREMENT NOT NULL PRIMARY KEY,"
        f" correlation_id VARCHAR(255) {_BINARY},"
        " sbc_node VARCHAR(64) NOT NULL,"
        " caller VARCHAR(128) NOT NULL, dialled VARCHAR(128) NOT NULL,"
        " number VARCHAR(128) NOT NULL,"
        " source_address VARCHAR(45) NOT NULL, source_port SMALLINT UNSIGNED NOT NULL,"
        " transport VARCHAR(8) NOT NULL, pbx_node VARCHAR(64) NOT NULL, trunk VARCHAR(64) NULL,"
        f"{_TIMES}"
        " ring_ms BIGINT UNSIGNED NOT NULL, duration_ms BIGINT UNSIGNED NOT NULL,"
        " result VARCHAR(16) NOT NULL, sip_code SMALLINT UNSIGNED NOT NULL,"
        " reason VARCHAR(64) NOT NULL, hangup_by VARCHAR(16) NOT NULL,"
        f"{_MEDIA}"
        " masked BOOLEAN NOT NULL, updated_at DATETIME(3) NOT NULL,"
        " UNIQUE KEY correlation (correlation_id),"
        " KEY invited (invited_at, id), KEY callers (caller, invited_at),"
        " KEY dialled_numbers (dialled, invited_at), KEY numbers (number, invited_at),"
        " KEY results (result, invited_at))"
        f"{_OPTIONS}"
    )
    op.execute(
        "CREATE TABLE IF NOT EXISTS cdr_legs ("
        " id BIGINT UNSIGNED AUTO_INCREMENT NOT NULL PRIMARY KEY,"
        f" correlation_id VARCHAR(255) {_BINARY},"
        f" call_id VARCHAR(255) {_BINARY}, from_tag VARCHAR(128) {_BINARY},"
        f" to_tag VARCHAR(128) {_BINARY},"
        " sbc_node VARCHAR(64) NOT NULL, direction VARCHAR(16) NOT NULL,"
        " caller VARCHAR(128) NOT NULL, callee VARCHAR(128) NOT NULL,"
        " dialled VARCHAR(128) NOT NULL,"
        " source_address VARCHAR(45) NOT NULL, source_port SMALLINT UNSIGNED NOT NULL,"
        " transport VARCHAR(8) NOT NULL, target VARCHAR(128) NOT NULL,"
        " pbx_node VARCHAR(64) NOT NULL,"
        f"{_TIMES}"
        " sip_code SMALLINT UNSIGNED NOT NULL, reason VARCHAR(64) NOT NULL,"
        " hangup_by VARCHAR(16) NOT NULL, profile VARCHAR(32) NOT NULL,"
        f"{_MEDIA}"
        " masked BOOLEAN NOT NULL, updated_at DATETIME(3) NOT NULL,"
        " UNIQUE KEY leg (call_id, from_tag, to_tag), KEY correlation (correlation_id),"
        " KEY callees (callee, invited_at))"
        f"{_OPTIONS}"
    )
    op.execute(
        "CREATE TABLE IF NOT EXISTS registration_events ("
        " id BIGINT UNSIGNED AUTO_INCREMENT NOT NULL PRIMARY KEY,"
        " event_id CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
        " user VARCHAR(64) NOT NULL, domain VARCHAR(64) NOT NULL,"
        " event VARCHAR(16) NOT NULL, at DATETIME(3) NOT NULL,"
        " document JSON NOT NULL,"
        " state ENUM('pending', 'sent', 'parked', 'none') NOT NULL DEFAULT 'pending',"
        " attempts INT UNSIGNED NOT NULL DEFAULT 0,"
        " next_attempt_at DATETIME(3) NOT NULL,"
        " last_error VARCHAR(255) NOT NULL DEFAULT '',"
        " sent_at DATETIME(3) NULL, created_at DATETIME(3) NOT NULL,"
        " UNIQUE KEY event_ids (event_id), KEY states (state, id), KEY times (at, id),"
        " KEY users (user, at), KEY queues (user, domain, state, id))"
        f"{_OPTIONS}"
    )
    op.execute(
        "CREATE TABLE IF NOT EXISTS record_marks ("
        " table_name VARCHAR(64) NOT NULL PRIMARY KEY, masked_id BIGINT UNSIGNED NOT NULL)"
    )
    for table in ("acc", "missed_calls"):
        op.execute(f"ALTER TABLE {table} {', '.join(_ACC_COLUMNS)}")


def downgrade() -> None:
    for table in ("record_marks", "registration_events", "cdr_legs", "cdrs"):
        op.execute(f"DROP TABLE IF EXISTS {table}")
    for table in ("acc", "missed_calls"):
        dropped = ", ".join(f"DROP COLUMN IF EXISTS {column}" for column in _ADDED)
        op.execute(f"ALTER TABLE {table} {dropped}")
