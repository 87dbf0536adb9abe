"""An application is told of registrations: at once, in order, also when it was away or hostile."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.system import stack
from tests.system.party import Party
from tests.system.raw import Dialog

from ringwall.checks.phone import wait_until
from ringwall.telemetry.push_signature import is_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

_PORT = 18_057
_AT_ONCE_S = 1.0
_TIMEOUT_S = 2
_RATE = 20
_USERS = 10


@dataclass(frozen=True)
class Push:
    """A request as the application got it."""

    time: float
    key: str
    stamp: str
    signature: str
    body: bytes
    status: int

    @property
    def document(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Application:
    """The external application, which behaves as ``mood`` says."""

    address: str
    mood: str = "good"
    came: list[Push] = field(default_factory=list)

    @property
    def taken(self) -> list[Push]:
        """Those that it has answered with success."""
        return [push for push in self.came if push.status == 204]

    def of(self, user: str) -> list[dict[str, Any]]:
        """Return the documents about a user that it has taken."""
        return [push.document for push in self.taken if push.document["user"] == user]

    @contextmanager
    def open(self) -> Iterator[None]:
        """Listen."""
        server = _Server((self.address, _PORT), _Handler)
        server.application = self
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    application: Application


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Note the push; answer by the mood."""
        application = self.server.application
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mood = application.mood
        status = {"500": 500, "redirect": 307, "hang": 0, "close": 0}.get(mood, 204)
        application.came.append(
            Push(
                time.time(),
                self.headers["Idempotency-Key"],
                self.headers["X-Ringwall-Timestamp"],
                self.headers["X-Ringwall-Signature"],
                body,
                status,
            )
        )
        if mood == "hang":
            wait_until(lambda: application.mood != "hang", 30, "a better mood")
        if status == 0:
            self.close_connection = True
            return
        self._say(status, mood)

    def _say(self, status: int, mood: str) -> None:
        big = 10 * 2**20 if mood == "10 MB" else 0
        try:
            self.send_response(200 if big else status)
            if mood == "redirect":
                self.send_header("Location", f"http://{self.server.application.address}:{_PORT}/x")
            if status != 204 or big:
                self.send_header("Content-Length", str(big))
            self.end_headers()
            for _ in range(big // 2**16):
                self.wfile.write(b"x" * 2**16)
        except OSError:  # whoever is told too much hangs up
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture(scope="module")
def application(instance: Stack) -> Iterator[Application]:
    """What the system under test tells of registrations, while this module's tests run."""
    address = str(instance.settings.instance.subnets.mgmt[1])
    file = instance.workspace.root / "ringwall.yaml"
    told = (
        f"telemetry:\n  registrations: {{url: 'http://{address}:{_PORT}/told', "
        f"timeout: {_TIMEOUT_S}s}}\n"
    )
    file.write_text(stack.CONFIGURATION + told)
    instance.up()
    yield Application(address)
    file.write_text(stack.CONFIGURATION)
    instance.up()


def test_it_is_told_at_once_and_signed(system: Stack, application: Application) -> None:
    path = system.workspace.secrets / "control" / "registrations_secret"
    secret = path.read_text().strip()
    with (
        Party(system, system.subscriber()) as alice,
        Party(system, system.subscriber()) as bob,
        application.open(),
    ):
        # Before it listened it may have been found away: then it is tried every 30 s at most.
        bob.register(120)
        wait_until(partial(_has, application, bob.account.username, 1), 45, "the first push")
        user = alice.account.username
        dialog = Dialog(user, system.domain)
        for count, expires in enumerate((120, 120, 0), 1):
            alice.register(expires, dialog=dialog)
            sent = time.time()
            wait_until(partial(_has, application, user, count), 5, "the push", 0.01)
            push = application.taken[-1]
            assert push.time - sent <= _AT_ONCE_S
            assert push.key == push.document["id"]
            assert abs(int(push.stamp) - push.time) <= 2
            assert is_signed(secret, push.stamp, push.body, push.signature)
            assert not is_signed(secret, push.stamp, push.body + b" ", push.signature)
        events = application.of(user)
        wait_until(lambda: _pushes(system, user) == ["sent"] * 3, 5, "the outbox to note it")
    assert [event["event"] for event in events] == ["register", "refresh", "unregister"]
    assert {event["call_id"] for event in events} == {dialog.call_id}
    assert events[0]["source_address"] == alice.client.address


def test_it_was_away(system: Stack, application: Application) -> None:
    """Nothing is lost, nothing comes twice, and the order of each user's events stays."""
    users = _register_for(system, 20 * _RATE)
    with application.open():
        wait_until(
            lambda: all(len(application.of(u)) >= n for u, n in users.items()),
            60,
            "all that happened meanwhile",
            0.2,
        )
    mine = [push for push in application.taken if push.document["user"] in users]
    assert len(mine) == sum(users.values())
    assert len({push.key for push in mine}) == len(mine)
    numbers: dict[str, list[int]] = defaultdict(list)
    for push in mine:
        numbers[push.document["user"]].append(push.document["cseq"])
    assert all(given == sorted(given) for given in numbers.values())
    assert len(numbers) == _USERS


@pytest.mark.parametrize("mood", ["500", "hang", "close", "redirect", "10 MB"])
def test_it_is_hostile(system: Stack, application: Application, mood: str) -> None:
    """It gets the same push again, in order, until it has taken it."""
    application.came.clear()
    application.mood = mood
    with Party(system, system.subscriber()) as alice, application.open():
        user, tries = alice.account.username, 1 if mood == "10 MB" else 2
        dialog = alice.register()
        alice.register(dialog=dialog)
        wait_until(lambda: len(application.came) >= tries, 15, f"{tries} requests")
        application.mood = "good"
        wait_until(lambda: len(application.of(user)) == 2, 15, "both to be taken")
        wait_until(lambda: _pushes(system, user) == ["sent"] * 2, 5, "the outbox to note it")
        first = [push for push in application.came if push.document["event"] == "register"]
    assert [event["event"] for event in application.of(user)] == ["register", "refresh"]
    assert len({push.key for push in first}) == 1
    assert len({push.body for push in first}) == 1
    assert (len(first) > 1) == (mood != "10 MB")
    if mood == "redirect":
        assert "redirect" in str(system.api.pushes({"user": user})["status"]["last_error"])


def _has(application: Application, user: str, count: int) -> bool:
    return len(application.of(user)) == count


def _register_for(system: Stack, count: int) -> dict[str, int]:
    """Register ``count`` times, ``_RATE`` a second; return how often each user did."""
    with ExitStack() as opened:
        parties = [opened.enter_context(Party(system, system.subscriber())) for _ in range(_USERS)]
        dialogs = [party.register() for party in parties]
        begun = time.monotonic()
        for number in range(count - _USERS):
            time.sleep(max(0.0, begun + number / _RATE - time.monotonic()))
            chosen = number % _USERS
            parties[chosen].register(dialog=dialogs[chosen])
        return {party.account.username: count // _USERS for party in parties}


def _pushes(system: Stack, user: str) -> list[str]:
    return [push["state"] for push in system.api.pushes({"user": user})["pushes"]]
