"""An official client, for the tests: it signs what it says, and asks why it was refused."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.system.raw import Dialog, RawClient, describe

from ringwall.checks.phone import wait_until
from ringwall.security import signature_keys
from ringwall.security.signature import HEADER, Request, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

    from ringwall.checks.phone import Account
    from ringwall.checks.sip import Message

_CHANGING = re.compile(r'(?m)^(?:Via|From|To|Call-ID|CSeq): .*$|nonce="[^"]*"')


class Signer:
    """An official client's requests, and what is said of them."""

    def __init__(self, system: Stack, client: RawClient) -> None:
        self.system, self.client = system, client

    def header(
        self,
        method: str,
        dialog: Dialog,
        *,
        key: tuple[str, str] | None = None,
        at: int | None = None,
        nonce: str | None = None,
    ) -> str:
        """Sign the next request of a dialog; return the header's line."""
        kid, secret = key or newest_key(self.system)
        request = Request(method, dialog.target or "", dialog.user, dialog.call_id)
        return f"{HEADER}: {sign(request, kid, secret, at, nonce)}\r\n"

    def refused(self, reason: str, extra: str = "", dialog: Dialog | None = None) -> None:
        """Assert that an INVITE with these headers gets the one 403, and `why` tells the reason."""
        asked = dialog or self.dialog()
        self.wait_for_a_new_window()
        answer = self.client.ask("INVITE", asked, extra=extra, body=self.offer())
        assert answer.start_line == "SIP/2.0 403 Forbidden"
        wait_until(lambda: bool(why(self.system, asked.call_id)), 10, "the verdict")
        found = why(self.system, asked.call_id)
        assert [(row["reason"], row["status"]) for row in found] == [(reason, 403)]

    def wait_for_a_new_window(self) -> None:
        """The first refusal of a window is told in full."""
        sbc = self.system.container("kamailio_sbc")
        dump = ("kamcmd", "htable.dump", "verdicts")
        wait_until(
            lambda: self.client.address not in self.system.engine.exec(sbc, *dump),
            20,
            "windows of verdicts to be over",
        )

    def is_challenged(self, key: tuple[str, str]) -> bool:
        """Whether a signature with this key is good."""
        dialog = self.dialog()
        extra = self.header("MESSAGE", dialog, key=key)
        return self.client.ask("MESSAGE", dialog, extra=extra).status == 407

    def dialog(self, account: Account | None = None, target: str = "600") -> Dialog:
        user = account.username if account else "1000"
        return Dialog(user, self.system.domain, target)

    def offer(self) -> str:
        return describe(self.client.address, 40_000)


def why(system: Stack, subject: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(system.cli("why", subject, "--json").out)["verdicts"]
    return rows


def newest_key(system: Stack) -> tuple[str, str]:
    newest = signature_keys.read(system.workspace.secrets).good[-1]
    return newest.kid, newest.key


@contextmanager
def another_key(system: Stack, key: str) -> Iterator[str]:
    """Make this one the newest for a while; return its kid."""
    said = system.cli("signature", "rotate", "--key-stdin", input=f"{key}\n")
    assert said.status == 0, said.err
    kid, _ = newest_key(system)
    try:
        yield kid
    finally:
        assert system.cli("signature", "retire", kid).status == 0


@contextmanager
def signer(system: Stack) -> Iterator[Signer]:
    with RawClient(system.edge) as client:
        yield Signer(system, client)


def face(answer: Message) -> str:
    """What an attacker sees, without what differs from request to request."""
    return _CHANGING.sub("", answer.text)
