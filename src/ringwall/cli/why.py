"""``ringwall why``: why a request was refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Annotated, Any, TypeAlias

import typer

from ringwall.cli.client import ApiClient
from ringwall.cli.context import client
from ringwall.cli.table import moment, plain, table
from ringwall.errors import BadInput

Row: TypeAlias = dict[str, Any]

_MAX_ROWS = 1000
_HEAD = ("time (UTC)", "reason", "status", "times", "from", "method", "user", "dialled", "Call-ID")
_DONE = {
    "refused": "was refused",
    "dropped": "was dropped without an answer",
    "scored": "was let pass, but noted",
}


def why(
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(metavar="ADDRESS|CALL-ID|USER", help="Whose request was refused.")
    ],
    *,
    since: Annotated[
        str | None,
        typer.Option(help="Then or later: 2h or 1d ago, or a time, as 2030-05-17T08:00:00Z."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MAX_ROWS, help="The last so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Tell why a request was refused: by its source address, its Call-ID, or its user."""
    api = client(context)
    found = _asked(api, subject, {"limit": str(limit)} | ({"since": since} if since else {}))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _tell(api, subject, found)
    if not found["verdicts"]:
        raise typer.Exit(1)


def _asked(api: ApiClient, subject: str, wanted: dict[str, str]) -> Row:
    """Ask for what the subject is. No text tells a Call-ID from a user: then for both."""
    address = _address(subject)
    if address is not None:
        return api.verdicts(wanted | {"address": address})
    answers = [
        api.verdicts(wanted | {"call_id": subject}),
        api.verdicts(wanted | {"user": _user(subject)}),
    ]
    rows = {row["id"]: row for answer in answers for row in answer["verdicts"]}
    newest = sorted(rows.values(), key=lambda row: (row["at"], row["id"]), reverse=True)
    kept = newest[: int(wanted["limit"])]
    return {"verdicts": kept, "reasons": answers[0]["reasons"] | answers[1]["reasons"]}


def _tell(api: ApiClient, subject: str, found: Row) -> None:
    if not found["verdicts"]:
        typer.echo(_nothing(api, subject), err=True)
    else:
        rows = found["verdicts"]
        last = next((row for row in rows if _is_refusal(row)), rows[0])
        typer.echo(_sentence(last, found["reasons"][last["reason"]]))
        if earlier := [row for row in rows if row is not last]:
            typer.echo("\n" + table([_HEAD, *map(_row, earlier)]))
    for name in ("ban", "block"):
        if held := found.get(name):
            until = f"until {moment(held['until'])} UTC" if held["until"] else "without an end"
            typer.echo(plain(f"\nThere is a {name} on the address {until}: {held['reason']}"))


def _is_refusal(row: Row) -> bool:
    """Whether it tells of one request, and that it came to nothing."""
    return bool(row["method"]) and row["action"] != "scored"


def _sentence(row: Row, reason: Row) -> str:
    lines = (
        f"{_what(row)} {_DONE[row['action']]} at {moment(row['at'])} UTC: {row['reason']}"
        + (f" ({row['status']})" if row["status"] else ""),
        f"  {_details(row)}",
        f"What it means: {reason['meaning']}",
        f"What to do: {reason['remedy']}",
    )
    return "\n".join(map(plain, lines))


def _what(row: Row) -> str:
    if not row["method"]:
        requests = "One request" if row["count"] == 1 else f"Each of {row['count']} requests"
        return f"{requests} from {row['address'] or 'many addresses'}"
    user = f" of {row['user']}" if row["user"] else ""
    dialled = f" to {row['dialled']}" if row["dialled"] else ""
    return f"The {row['method']}{user}{dialled}"


def _details(row: Row) -> str:
    if not row["method"]:
        return f"counted, not listed, by {row['sbc_node']}; source class {row['source_class']}"
    agent = f", User-Agent {row['user_agent']}" if row["user_agent"] else ""
    call = f", Call-ID {row['call_id']}" if row["call_id"] else ""
    source = f"from {row['address']} port {row['port']} over {row['transport']}"
    return f"{source}, class {row['source_class']}, at {row['sbc_node']}{agent}{call}"


def _row(row: Row) -> tuple[str, ...]:
    return (
        moment(row["at"]),
        row["reason"],
        str(row["status"] or row["action"]),
        str(row["count"]),
        row["address"] or "many",
        row["method"] or "-",
        row["user"] or "-",
        row["dialled"] or "-",
        row["call_id"] or "-",
    )


def _nothing(api: ApiClient, subject: str) -> str:
    """Say what else may be known, and what it means that nothing is."""
    first = plain(f"No refusal of {subject} is on record.")
    if _address(subject) is None and (known := _call(api, subject) or _registered(api, subject)):
        return f"{first} {plain(known)}"
    return (
        f"{first} It sent nothing that reached the SBC, or everything was served, or it never\n"
        "answered a challenge (401, 407), which is no refusal: a phone without a password does\n"
        "that. In a flood, most requests are counted only: `docker logs kamailio_sbc` has the "
        "numbers."
    )


def _call(api: ApiClient, call_id: str) -> str | None:
    try:
        call = api.cdr(call_id)
    except BadInput:
        return None
    return (
        f"The call {call_id} is: it ended as {call['result']} with status {call['sip_code']},"
        f" which was not the SBC's decision; see `ringwall cdrs show {call_id}`."
    )


def _registered(api: ApiClient, subject: str) -> str | None:
    user = _user(subject)[:64]
    events: Sequence[Row] = api.registration_history({"user": user, "limit": "1"})["events"]
    if not events:
        return None
    last = events[0]
    return (
        f"The last that happened to its registration is {last['event']} at {moment(last['at'])} UTC"
        f" from {last['source_address'] or 'nowhere'}; see `ringwall registrations history {user}`."
    )


def _address(subject: str) -> str | None:
    try:
        return str(ip_address(subject.strip("[]")))
    except ValueError:
        return None


def _user(subject: str) -> str:
    """Return the user of a SIP URI or of USER@DOMAIN."""
    return subject.removeprefix("sips:").removeprefix("sip:").partition("@")[0][:128]
