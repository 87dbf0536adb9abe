"""SQL, shell and HTML in whatever is stored or shown: it must be text, and stay it."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from ringwall.checks.audit.case import Broken, Case
from ringwall.checks.audit.catalogue.requests import request
from ringwall.checks.audit.layers import Layer
from ringwall.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.audit.stage import Stage

_PAYLOADS = {
    "sql": "x'; DROP TABLE subscriber; -- ",
    "sql-union": "' UNION SELECT ha1 FROM subscriber WHERE '1'='1",
    "sql-quote": "\\' OR 1=1 #",
    "shell": "$(touch /tmp/audit);`id`|id&id",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "template": "{{7*7}}${7*7}<%=7*7%>",
    "format": "%s%s%n%x",
    "terminal": "\x1b[2J\x1b]0;owned\x07",
    "json": '","reason":"flood","x":"',
    "log-line": "x verdict reason=flood source=192.0.2.1:5060 user=",
    "utf-8": "\udcff\udcfe\u202egnirts",
    "variable": "$var(reason)$sht(bans=>all){s.len}",
}
_RECORD_S = 10.0


def _agent(payload: str) -> Callable[[Stage], None]:
    """Return an attack: a refused request with the payload in User-Agent, and its verdict."""

    def attack(stage: Stage) -> None:
        call_id = f"audit-{secrets.token_hex(8)}"
        text = request(
            "INVITE", "sip:x@evil.example.net", caller="<sip:{nobody}@{domain}>",
            extra=f"User-Agent: {payload}\r\nSubject: {payload}\r\n",
        ).replace("Call-ID: {id}", f"Call-ID: {call_id}")  # fmt: skip
        row = _refused(stage, text, call_id)
        told = str(row["user_agent"])
        if told not in _as_stored(payload):
            raise Broken(f"User-Agent {payload!r} is on record as {told!r}")

    return attack


def _call_id(payload: str) -> Callable[[Stage], None]:
    """Return an attack: the payload in Call-ID, From's display name and To."""

    def attack(stage: Stage) -> None:
        word = "".join(each for each in payload if each not in "\x1b\x07 \udcff\udcfe\u202e")
        call_id = f"{secrets.token_hex(6)}{word}"
        text = request(
            "INVITE", "sip:x@evil.example.net",
            caller=f'"{payload.replace(chr(34), "")}" <sip:{{nobody}}@{{domain}}>',
        ).replace("Call-ID: {id}", f"Call-ID: {call_id}")  # fmt: skip
        if str(_refused(stage, text, call_id)["call_id"]) != call_id:
            raise Broken(f"Call-ID {call_id!r} is on record as another")

    return attack


def _refused(stage: Stage, text: str, call_id: str) -> dict[str, object]:
    """Send it, and return what is on record of it by its Call-ID."""
    with stage.stranger() as client:
        client.send(stage.filled(text, client))
        if stage.outcome(client) != 403:
            raise Broken("it was not refused with 403")
    deadline = time.monotonic() + _RECORD_S
    while not (rows := stage.api.verdicts({"call_id": call_id})["verdicts"]):
        if time.monotonic() > deadline:
            raise Broken(f"there is no verdict of Call-ID {call_id!r}")
        time.sleep(0.1)
    row: dict[str, object] = rows[0]
    return row


def _as_stored(payload: str) -> set[str]:
    """Return the texts that are the payload; bytes that are no UTF-8 are shown in hex."""
    shown = payload.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return {shown, shown.strip()}


def _called(payload: str) -> Callable[[Stage], None]:
    """Return an attack: a call with the payload in its number, on record in `cdrs`."""

    def attack(stage: Stage) -> None:
        mallory = stage.cast.mallory
        number = "".join(each if each.isalnum() else f"%{ord(each):02X}" for each in payload
                         if ord(each) < 128)[:60]  # fmt: skip
        with stage.phone(mallory) as client:
            client.patience(8)
            dialog = stage.dialog(mallory, number)
            answer = client.ask_as("INVITE", dialog, mallory, body=stage.offer(client))
            client.send(client.acknowledge(dialog, answer))
            if (answer.status or 0) < 400:
                raise Broken(f"{number} was answered {answer.status}")
        told = _on_record(stage, dialog.call_id)
        if told != number:
            raise Broken(f"the call to {number} is on record as one to {told}")

    return attack


def _on_record(stage: Stage, call_id: str) -> str:
    """Wait for the call's record, and return whom it says was dialled."""
    deadline = time.monotonic() + _RECORD_S
    while time.monotonic() < deadline:
        try:
            return str(stage.api.cdr(call_id)["dialled"])
        except BadInput:  # not yet
            time.sleep(0.2)
    raise Broken("the call is not on record")


_ORIGIN = "OWASP injection; sipvicious #50"
CASES = tuple(
    Case(f"stored-{name}-{where}", what, _ORIGIN, Layer.RECORDS, attack(payload))
    for name, payload in _PAYLOADS.items()
    for where, what, attack in (
        ("user-agent", f"{name} in User-Agent and Subject", _agent),
        ("call-id", f"{name} in Call-ID and a display name", _call_id),
    )
) + tuple(
    Case(f"stored-{name}-number", f"{name} in the number that is dialled", _ORIGIN,
         Layer.RECORDS, _called(_PAYLOADS[name]))
    for name in ("sql", "shell", "html")
)  # fmt: skip
