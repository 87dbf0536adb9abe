"""An application is told of registrations: at once, in order, also when it was away or hostile."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.system import metrics, stack
from tests.system.application import PORT, Application
from tests.system.party import Party
from tests.system.raw import Dialog
from tests.system.registering import Registered, Registering

from ringwall.checks.phone import wait_until
from ringwall.telemetry.push_signature import is_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.application import Push
    from tests.system.stack import Stack

_AT_ONCE_S = 1.0
_TIMEOUT_S = 2
_RATE = 50
_IN_A_ROW = 100
_SAMPLE_S = 5
_LATE = 1.1
"""The load may last so much longer than it should; else it was another load."""


@pytest.fixture(scope="module")
def application(instance: Stack) -> Iterator[Application]:
    """What the system under test tells of registrations, while this module's tests run."""
    address = str(instance.settings.instance.subnets.mgmt[1])
    file = instance.workspace.root / "ringwall.yaml"
    told = (
        f"telemetry:\n  registrations: {{url: 'http://{address}:{PORT}/told', "
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


def test_many_in_a_row_keep_their_order(system: Stack, application: Application) -> None:
    """Workers pass each other; what is told of a user does not."""
    with Party(system, system.subscriber()) as alice, application.open():
        user, dialog = alice.account.username, Dialog(alice.account.username, system.domain)
        for _ in range(_IN_A_ROW):
            alice.register(dialog=dialog)
        wait_until(partial(_has, application, user, _IN_A_ROW), 45, "all pushes")
    told = [event["cseq"] for event in application.of(user)]
    assert told == sorted(told)


@pytest.mark.parametrize("minutes", [2, pytest.param(30, marks=pytest.mark.long)])
def test_it_was_away(system: Stack, application: Application, minutes: int) -> None:
    """All is delivered afterwards, in order for each user, once; meanwhile memory stays flat."""
    application.came.clear()
    load = Registering(system, _RATE, minutes * 60)
    sent_before = metrics.scrape(system)["ringwall_push_sent_total"]
    with load.running() as done:
        used = [_used_after(system, minutes * 30)]
        while not done.done():
            used.append(_used_after(system, _SAMPLE_S))
    assert load.seconds <= minutes * 60 * _LATE
    waiting = metrics.scrape(system)
    assert waiting["ringwall_push_lag_seconds"] >= minutes * 60 - _SAMPLE_S
    assert waiting["ringwall_push_application_up"] == 0
    with application.open():
        wait_until(lambda: len(application.taken) >= load.total, minutes * 30, "all of it", 1)
        wait_until(lambda: not metrics.scrape(system)["ringwall_push_pending"], 10, "notes of it")
    used.append(_used(system))
    assert _told(application, load) == load.done
    assert sum(map(len, load.done.values())) == load.total
    assert metrics.scrape(system)["ringwall_push_sent_total"] - sent_before >= load.total
    assert max(used) <= used[0] * 1.1 + 5 * 2**20, f"control's memory grew: {used}"


@pytest.mark.parametrize("mood", ["500", "hang", "close", "redirect", "10 MB"])
def test_it_is_hostile(system: Stack, application: Application, mood: str) -> None:
    """It gets the same push again, in order, until it has taken it."""
    application.came.clear()
    application.mood = mood
    with Party(system, system.subscriber()) as alice, application.open():
        user, tries = alice.account.username, 1 if mood == "10 MB" else 2
        dialog = alice.register()
        alice.register(dialog=dialog)
        wait_until(lambda: len(_came(application, user)) >= tries, 15, f"{tries} requests")
        application.mood = "good"
        wait_until(lambda: len(application.of(user)) == 2, 15, "both to be taken")
        wait_until(lambda: _pushes(system, user) == ["sent"] * 2, 5, "the outbox to note it")
        # Of anybody's push: once the application is closed, it may be another one's.
        error = str(system.api.pushes({"user": user})["status"]["last_error"])
        first = _came(application, user)[:tries]
    assert [event["event"] for event in application.of(user)] == ["register", "refresh"]
    assert len({push.key for push in first}) == 1
    assert len({push.body for push in first}) == 1
    assert (len(first) > 1) == (mood != "10 MB")
    if mood == "redirect":
        assert "redirect" in error


def _came(application: Application, user: str) -> list[Push]:
    return [push for push in application.came if push.document["user"] == user]


def _has(application: Application, user: str, count: int) -> bool:
    return len(application.of(user)) == count


def _told(application: Application, load: Registering) -> dict[str, list[Registered]]:
    """What it was told of those users, in that order; of what came again, the first time."""
    first: dict[str, bytes] = {}
    told: dict[str, list[Registered]] = {user: [] for user in load.done}
    for push in application.taken:
        if push.key in first:
            assert first[push.key] == push.body, "one key for two documents"
            continue
        first[push.key], document = push.body, push.document
        if document["user"] in told:
            told[document["user"]].append((document["call_id"], document["cseq"]))
    return told


def _used_after(system: Stack, seconds: float) -> int:
    time.sleep(seconds)
    return _used(system)


def _used(system: Stack) -> int:
    """Return the bytes of control's memory that are no cache of files."""
    where = "/sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory/memory.stat"
    command = f"cat {where} 2>/dev/null || true"  # cgroup v2 has the one, v1 the other
    said = system.engine.exec(system.container("control"), "sh", "-c", command)
    found = re.search(r"^(?:anon|rss) (\d+)$", said, re.MULTILINE)
    assert found, said
    return int(found[1])


def _pushes(system: Stack, user: str) -> list[str]:
    return [push["state"] for push in system.api.pushes({"user": user})["pushes"]]
