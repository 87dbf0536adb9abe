"""MariaDB: Kamailio's tables as they are, Ringwall's own beside them."""
