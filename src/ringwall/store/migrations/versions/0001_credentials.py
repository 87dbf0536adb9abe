"""SHA-256 digests, mailboxes, and the view that Kamailio loads.

MariaDB commits each of these statements by itself, so each can be run again.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE IF NOT EXISTS subscriber_digests ("
        " username VARCHAR(64) NOT NULL, domain VARCHAR(64) NOT NULL,"
        " ha1 VARCHAR(128) NOT NULL, ha1_sha256 CHAR(64) NOT NULL,"
        " PRIMARY KEY (username, domain))"
    )
    op.execute(
        "CREATE TABLE IF NOT EXISTS mailboxes ("
        " username VARCHAR(64) NOT NULL, domain VARCHAR(64) NOT NULL, pin VARCHAR(16) NOT NULL,"
        " PRIMARY KEY (username, domain))"
    )
    op.execute(
        "CREATE OR REPLACE SQL SECURITY INVOKER VIEW credentials AS"
        " SELECT CONCAT(s.username, '@', s.domain) AS key_name, s.ha1 AS ha1_md5,"
        " COALESCE(d.ha1_sha256, '') AS ha1_sha256"
        " FROM subscriber s LEFT JOIN subscriber_digests d"
        " ON d.username = s.username AND d.domain = s.domain AND d.ha1 = s.ha1"
    )


def downgrade() -> None:
    op.execute("DROP VIEW IF EXISTS credentials")
    op.execute("DROP TABLE IF EXISTS mailboxes")
    op.execute("DROP TABLE IF EXISTS subscriber_digests")
