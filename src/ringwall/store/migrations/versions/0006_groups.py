"""Groups of subscribers, and the view that Kamailio loads with them.

MariaDB commits each of these statements by itself, so each can be run again.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_VIEW = (
    "CREATE OR REPLACE SQL SECURITY INVOKER VIEW credentials AS"
    " SELECT CONCAT(s.username, '@', s.domain) AS key_name, s.ha1 AS ha1_md5,"
    " COALESCE(d.ha1_sha256, '') AS ha1_sha256{column}"
    " FROM subscriber s LEFT JOIN subscriber_digests d"
    " ON d.username = s.username AND d.domain = s.domain AND d.ha1 = s.ha1{table}"
)


def upgrade() -> None:
    op.execute(
        "CREATE TABLE IF NOT EXISTS subscriber_groups ("
        " username VARCHAR(64) NOT NULL, domain VARCHAR(64) NOT NULL,"
        " name VARCHAR(32) NOT NULL, PRIMARY KEY (username, domain))"
    )
    column = ", COALESCE(g.name, '') AS user_group"
    table = " LEFT JOIN subscriber_groups g ON g.username = s.username AND g.domain = s.domain"
    op.execute(_VIEW.format(column=column, table=table))


def downgrade() -> None:
    op.execute(_VIEW.format(column="", table=""))
    op.execute("DROP TABLE IF EXISTS subscriber_groups")
