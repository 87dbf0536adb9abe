"""Signatures of official clients: missing, forged, old, used before, of a key that is not good."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from ringwall.checks.audit import legit
from ringwall.checks.audit.case import Broken, Case
from ringwall.checks.audit.layers import WITH_SIGNATURES, Layer, everyone_signs
from ringwall.security.signature import HEADER, Request, sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.audit.stage import Stage
    from ringwall.checks.raw import Dialog

    Write = Callable[[Stage, str, Dialog], str]

_ORIGIN = "docs/security/signature.md"
_DAY_S = 86_400


def _signed(
    stage: Stage,
    method: str,
    dialog: Dialog,
    *,
    key: str | None = None,
    kid: str | None = None,
    at: int | None = None,
    call_id: str | None = None,
) -> str:
    good = stage.cast.keys[-1]
    request = Request(method, dialog.target or "", dialog.user, call_id or dialog.call_id)
    return f"{HEADER}: {sign(request, kid or good.kid, key or good.key, at)}\r\n"


def _nothing(_stage: Stage, _method: str, _dialog: Dialog) -> str:
    return ""


def _changed(stage: Stage, method: str, dialog: Dialog) -> str:
    header = _signed(stage, method, dialog)
    last = header[-3]
    return f"{header[:-3]}{'0' if last != '0' else '1'}\r\n"


def _of_another_call(stage: Stage, method: str, dialog: Dialog) -> str:
    return _signed(stage, method, dialog, call_id=secrets.token_hex(8))


def _of_a_stranger(stage: Stage, method: str, dialog: Dialog) -> str:
    return _signed(stage, method, dialog, key=secrets.token_urlsafe(32))


def _of_no_key(stage: Stage, method: str, dialog: Dialog) -> str:
    return _signed(stage, method, dialog, kid="k999999")


def _old(stage: Stage, method: str, dialog: Dialog) -> str:
    return _signed(stage, method, dialog, at=int(time.time()) - _DAY_S)


def _early(stage: Stage, method: str, dialog: Dialog) -> str:
    return _signed(stage, method, dialog, at=int(time.time()) + _DAY_S)


def _twice(stage: Stage, method: str, dialog: Dialog) -> str:
    return _signed(stage, method, dialog) * 2


def _refused(write: Write, reason: str) -> Callable[[Stage], None]:
    """Return an attack: the official client's call, with its password, and this header."""

    def attack(stage: Stage) -> None:
        account = stage.cast.official
        with stage.phone(account) as client:
            client.sign = lambda method, dialog: write(stage, method, dialog)
            dialog = stage.dialog(account, legit.ECHO)
            answer = client.ask_as("INVITE", dialog, account, body=stage.offer(client))
            # Where only groups must sign, nobody may learn from the answer who belongs to one.
            due = 403 if everyone_signs(stage.settings) else 407
            if answer.status != due:
                raise Broken(f"answered {answer.status}; {due} was due")
            stage.expect_verdict(client.address, reason)

    return attack


def _used_before(stage: Stage) -> None:
    """Say a header of a call that was answered in another call, as whoever overheard it may."""
    account, heard = stage.cast.official, []

    def write(method: str, dialog: Dialog) -> str:
        heard.append(_signed(stage, method, dialog))
        return heard[-1]

    with stage.phone(account) as client:
        client.sign = write
        legit.end(client, legit.establish(stage, client, account))
    _refused(lambda *_: heard[-1], "signature-invalid")(stage)


def _case(name: str, what: str, attack: Callable[[Stage], None]) -> Case:
    return Case(f"signature-{name}", what, _ORIGIN, Layer.SIGNATURE, attack, WITH_SIGNATURES)


CASES = (
    _case("missing", "the right password and no signature",
          _refused(_nothing, "signature-missing")),
    _case("changed", "a signature with one changed digit",
          _refused(_changed, "signature-invalid")),
    _case("other-call", "a signature made for another Call-ID",
          _refused(_of_another_call, "signature-invalid")),
    _case("foreign-key", "a signature made with another key",
          _refused(_of_a_stranger, "signature-invalid")),
    _case("no-key", "a signature of a key that there is not",
          _refused(_of_no_key, "signature-invalid")),
    _case("old", "a signature of yesterday", _refused(_old, "signature-stale")),
    _case("early", "a signature of tomorrow", _refused(_early, "signature-stale")),
    _case("twice", "two headers, each good by itself", _refused(_twice, "signature-invalid")),
    _case("overheard", "a header of an answered call, said in another one", _used_before),
)  # fmt: skip
