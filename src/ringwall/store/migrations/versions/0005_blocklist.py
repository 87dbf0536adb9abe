"""The blocklist: what Kamailio's table `address` has no place for, and what Kamailio looks up.

MariaDB commits each of these statements by itself, so each can be run again.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ASCII = "CHARACTER SET ascii COLLATE ascii_bin"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE IF NOT EXISTS address_notes ("
        f" ip_addr VARCHAR(50) {_ASCII} NOT NULL, mask INT NOT NULL,"
        " comment VARCHAR(255) NOT NULL,"
        " since DATETIME(3) NOT NULL, until DATETIME(3) NULL,"
        " PRIMARY KEY (ip_addr, mask))"
        " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"
    )
    # As Kamailio's htable reads a table.
    op.execute(
        "CREATE TABLE IF NOT EXISTS blocklist_keys ("
        f" key_name VARCHAR(40) {_ASCII} NOT NULL PRIMARY KEY,"
        " key_type INT NOT NULL DEFAULT 0, value_type INT NOT NULL DEFAULT 1,"
        f" key_value VARCHAR(20) {_ASCII} NOT NULL)"
        " ENGINE=InnoDB"
    )
    # Kamailio's own table has none, and is searched for each entry of an import.
    op.execute("CREATE INDEX IF NOT EXISTS ringwall_address ON address (ip_addr, mask)")


def downgrade() -> None:
    op.execute("DROP INDEX IF EXISTS ringwall_address ON address")
    op.execute("DROP TABLE IF EXISTS blocklist_keys")
    op.execute("DROP TABLE IF EXISTS address_notes")
