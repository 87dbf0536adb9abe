"""The tables that are read and written here."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, String, Table

metadata = MetaData()

# Kamailio's own, from its package's SQL; only the columns that matter here.
subscriber = Table(
    "subscriber",
    metadata,
    Column("username", String(64)),
    Column("domain", String(64)),
    Column("password", String(64)),
    Column("ha1", String(128)),
)
location = Table(
    "location",
    metadata,
    Column("username", String(64)),
    Column("domain", String(64)),
    Column("expires", DateTime),
)

# Ringwall's own, made by the migrations.
# `ha1` is the MD5 one that the SHA-256 one was made with. Where they no longer go together
# (kamctl changed the password), the view `credentials` leaves the SHA-256 one out.
subscriber_digests = Table(
    "subscriber_digests",
    metadata,
    Column("username", String(64), primary_key=True),
    Column("domain", String(64), primary_key=True),
    Column("ha1", String(128)),
    Column("ha1_sha256", String(64)),
)
mailboxes = Table(
    "mailboxes",
    metadata,
    Column("username", String(64), primary_key=True),
    Column("domain", String(64), primary_key=True),
    Column("pin", String(16)),
)
