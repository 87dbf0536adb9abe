"""Bans, and what Kamailio reads at its start: bans, how often, who is registered from where.

MariaDB commits each of these statements by itself, so each can be run again.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As Kamailio's htable reads a table; the end is in seconds since the epoch.
_VIEWS = {
    "bans_at_start": (
        "SELECT address AS key_name, 0 AS key_type, 1 AS value_type, '1' AS key_value,"
        " TIMESTAMPDIFF(SECOND, '1970-01-01', until) AS expires"
        " FROM bans WHERE until > UTC_TIMESTAMP()"
    ),
    # A day without a ban, and the next is a first one.
    "ban_counts": (
        "SELECT address AS key_name, 0 AS key_type, 1 AS value_type,"
        " CAST(count AS CHAR) AS key_value,"
        " TIMESTAMPDIFF(SECOND, '1970-01-01', until) + 86400 AS expires"
        " FROM bans WHERE until > UTC_TIMESTAMP() - INTERVAL 1 DAY"
    ),
    "registered_from": (
        "SELECT address AS key_name, 0 AS key_type, 1 AS value_type, '1' AS key_value,"
        " TIMESTAMPDIFF(SECOND, '1970-01-01', MAX(expires)) AS expires FROM"
        " (SELECT REGEXP_SUBSTR(SUBSTRING_INDEX(COALESCE(NULLIF(received, ''), contact), '@', -1),"
        " '[0-9]+([.][0-9]+){3}') AS address, expires FROM location"
        " WHERE expires > UTC_TIMESTAMP()) AS phones"
        " WHERE address != '' GROUP BY address"
    ),
}


def upgrade() -> None:
    op.execute(
        "CREATE TABLE IF NOT EXISTS bans ("
        " address VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,"
        " reason VARCHAR(255) NOT NULL, made_by VARCHAR(16) NOT NULL,"
        " since DATETIME(3) NOT NULL, until DATETIME(3) NOT NULL,"
        " count INT UNSIGNED NOT NULL, in_kernel BOOLEAN NOT NULL, KEY ends (until))"
        " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"
    )
    for name, query in _VIEWS.items():
        op.execute(f"CREATE OR REPLACE SQL SECURITY INVOKER VIEW {name} AS {query}")


def downgrade() -> None:
    for name in _VIEWS:
        op.execute(f"DROP VIEW IF EXISTS {name}")
    op.execute("DROP TABLE IF EXISTS bans")
