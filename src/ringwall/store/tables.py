"""The tables that are read and written here."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Enum,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.mysql import DATETIME

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
    Column("contact", String(512)),
    Column("received", String(128)),
    Column("expires", DateTime),
    Column("user_agent", String(255)),
    Column("callid", String(255)),
    Column("cseq", Integer),
    Column("socket", String(64)),
)


def _dialogs(suffix: str) -> tuple[Table, Table]:
    """Kamailio's `dialog` and `dialog_vars`, or those of that form that it reads at its start."""
    texts = (
        "callid", "from_uri", "from_tag", "to_uri", "to_tag", "caller_cseq", "callee_cseq",
        "caller_route_set", "callee_route_set", "caller_contact", "callee_contact",
        "caller_sock", "callee_sock", "req_uri", "xdata",
    )  # fmt: skip
    numbers = ("state", "start_time", "timeout", "sflags", "iflags")
    return (
        Table(
            f"dialog{suffix}",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("hash_entry", Integer),
            Column("hash_id", Integer),
            *(Column(name, String(512)) for name in texts),
            *(Column(name, Integer) for name in numbers),
        ),
        Table(
            f"dialog_vars{suffix}",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("hash_entry", Integer),
            Column("hash_id", Integer),
            Column("dialog_key", String(128)),
            Column("dialog_value", String(512)),
        ),
    )


dialog, dialog_vars = _dialogs("")
dialog_at_start, dialog_vars_at_start = _dialogs("_at_start")


def _accounting(name: str) -> Table:
    """Kamailio's `acc` or `missed_calls`, with the columns that a migration adds."""
    return Table(
        name,
        metadata,
        Column("id", BigInteger, primary_key=True),
        Column("method", String(16)),
        Column("from_tag", String(128)),
        Column("to_tag", String(128)),
        Column("callid", String(255)),
        Column("sip_code", String(3)),
        Column("sip_reason", String(128)),
        Column("time", DateTime),
        Column("correlation_id", String(255)),
        Column("src_user", String(128)),
        Column("src_ip", String(45)),
        Column("dst_user", String(128)),
        Column("dst_ouser", String(128)),
    )


acc = _accounting("acc")
missed_calls = _accounting("missed_calls")

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
subscriber_groups = Table(
    "subscriber_groups",
    metadata,
    Column("username", String(64), primary_key=True),
    Column("domain", String(64), primary_key=True),
    Column("name", String(32)),
)


def _moment() -> DATETIME:
    """UTC, to the millisecond, without a zone."""
    return DATETIME(fsp=3)


def _number(digits: int) -> Numeric[float]:
    return Numeric(digits, 2, asdecimal=False)


def _media() -> list[Column[object]]:
    """Loss in percent, jitter and round trip in milliseconds; null where nobody measured."""
    return [
        Column("codec", String(32)),
        Column("srtp", Boolean),
        Column("mos_average", _number(3)),
        Column("mos_min", _number(3)),
        Column("loss", _number(5)),
        Column("jitter", _number(7)),
        Column("loss_caller", _number(5)),
        Column("loss_callee", _number(5)),
        Column("jitter_caller", _number(7)),
        Column("jitter_callee", _number(7)),
        Column("round_trip", _number(7)),
    ]


def _times() -> list[Column[object]]:
    return [
        Column("invited_at", _moment()),
        Column("ringing_at", _moment()),
        Column("answered_at", _moment()),
        Column("ended_at", _moment()),
    ]


# One row a call.
cdrs = Table(
    "cdrs",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("correlation_id", String(255), unique=True),
    Column("sbc_node", String(64)),
    Column("caller", String(128)),
    Column("dialled", String(128)),
    Column("number", String(128)),
    Column("source_address", String(45)),
    Column("source_port", SmallInteger),
    Column("transport", String(8)),
    Column("pbx_node", String(64)),
    Column("trunk", String(64)),
    *_times(),
    Column("ring_ms", BigInteger),
    Column("duration_ms", BigInteger),
    Column("result", String(16)),
    Column("sip_code", SmallInteger),
    Column("reason", String(64)),
    Column("hangup_by", String(16)),
    *_media(),
    Column("masked", Boolean),
    Column("updated_at", _moment()),
)
# One row a leg; unique by call_id, from_tag, to_tag. `to_tag` is empty where nobody answered.
cdr_legs = Table(
    "cdr_legs",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("correlation_id", String(255)),
    Column("call_id", String(255)),
    Column("from_tag", String(128)),
    Column("to_tag", String(128)),
    Column("sbc_node", String(64)),
    Column("direction", String(16)),
    Column("caller", String(128)),
    Column("callee", String(128)),
    Column("dialled", String(128)),
    Column("source_address", String(45)),
    Column("source_port", SmallInteger),
    Column("transport", String(8)),
    Column("target", String(128)),
    Column("pbx_node", String(64)),
    *_times(),
    Column("sip_code", SmallInteger),
    Column("reason", String(64)),
    Column("hangup_by", String(16)),
    Column("profile", String(32)),
    *_media(),
    Column("masked", Boolean),
    Column("updated_at", _moment()),
)
# The outbox. `id` is the order in which a user's events are sent; `document` is JSON.
registration_events = Table(
    "registration_events",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("event_id", String(64), unique=True),
    Column("user", String(64)),
    Column("domain", String(64)),
    Column("event", String(16)),
    Column("at", _moment()),
    Column("document", Text),
    Column("state", Enum("pending", "sent", "parked", "none")),
    Column("attempts", Integer),
    Column("next_attempt_at", _moment()),
    Column("last_error", String(255)),
    Column("sent_at", _moment()),
    Column("created_at", _moment()),
)
# Requests that were refused, each or so many of them; `call_id` is empty where it is a number.
verdicts = Table(
    "verdicts",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("event_id", String(64), unique=True),
    Column("at", _moment()),
    Column("sbc_node", String(64)),
    Column("reason", String(64)),
    Column("action", String(16)),
    Column("sip_code", SmallInteger),
    Column("class", String(16)),
    Column("source_address", String(45)),
    Column("source_port", SmallInteger),
    Column("transport", String(8)),
    Column("method", String(32)),
    Column("call_id", String(255)),
    Column("user", String(128)),
    Column("dialled", String(128)),
    Column("user_agent", String(128)),
    Column("count", BigInteger),
)
# How far retention's work has come.
record_marks = Table(
    "record_marks",
    metadata,
    Column("table_name", String(64), primary_key=True),
    Column("masked_id", BigInteger),
)
# Bans, those that are over for less than a day included: `count` is how many there were.
bans = Table(
    "bans",
    metadata,
    Column("address", String(45), primary_key=True),
    Column("reason", String(255)),
    Column("made_by", String(16)),
    Column("since", _moment()),
    Column("until", _moment()),
    Column("count", Integer),
    Column("in_kernel", Boolean),
)
# The blocklist: Kamailio's own table, what that has no place for, and what Kamailio looks up.
address = Table(
    "address",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("grp", Integer),
    Column("ip_addr", String(50)),
    Column("mask", Integer),
    Column("tag", String(64)),
)
address_notes = Table(
    "address_notes",
    metadata,
    Column("ip_addr", String(50), primary_key=True),
    Column("mask", Integer, primary_key=True),
    Column("comment", String(255)),
    Column("since", _moment()),
    Column("until", _moment()),
)
blocklist_keys = Table(
    "blocklist_keys",
    metadata,
    Column("key_name", String(40), primary_key=True),
    Column("key_value", String(20)),
)
