"""Registrations by the thousand, and the client's own log of them."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING

from tests.system.party import Party

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.raw import Dialog
    from tests.system.stack import Stack

    from ringwall.checks.phone import Account

_CLIENTS = 5
_USERS = 20
_EXPIRES_S = 3000

Registered = tuple[str, int]
"""Call-ID and CSeq of a REGISTER."""


@dataclass
class Registering:
    """``rate`` a second for ``planned`` seconds, by as many users as there are in a class."""

    system: Stack
    rate: int
    planned: int
    done: dict[str, list[Registered]] = field(default_factory=dict)
    """What the SBC accepted, by user, in order."""
    seconds: float = 0.0
    """How long it took, in the end."""

    @property
    def total(self) -> int:
        """How many registrations there are."""
        return self.rate * self.planned

    @contextmanager
    def running(self) -> Iterator[Future[None]]:
        """Register while the caller does something else; at the end ``done`` is complete."""
        accounts = [self.system.subscriber() for _ in range(_CLIENTS * _USERS)]
        self.done.update({account.username: [] for account in accounts})
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(self._run, accounts)
            yield done
            done.result()

    def _run(self, accounts: list[Account]) -> None:
        begun = time.monotonic()
        with ThreadPoolExecutor(_CLIENTS) as pool:
            clients = [pool.submit(self._client, accounts[i::_CLIENTS]) for i in range(_CLIENTS)]
            for client in clients:
                client.result()
        self.seconds = time.monotonic() - begun

    def _client(self, accounts: list[Account]) -> None:
        """One user after the other, at this client's part of the rate."""
        with ExitStack() as opened:
            parties = [opened.enter_context(Party(self.system, one)) for one in accounts]
            dialogs: dict[str, Dialog] = {}
            begun = time.monotonic()
            for number, party in zip(range(self.total // _CLIENTS), cycle(parties), strict=False):
                time.sleep(max(0.0, begun + number * _CLIENTS / self.rate - time.monotonic()))
                user = party.account.username
                dialog = party.register(_EXPIRES_S, dialog=dialogs.get(user))
                dialogs[user] = dialog
                self.done[user].append((dialog.call_id, dialog.cseq))
