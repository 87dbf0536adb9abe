"""Guessing: nobody finds a password, and the user's own phone does not notice."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.system.configured import configured
from tests.system.raw import Dialog, RawClient

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

    from ringwall.checks.phone import Account
    from ringwall.checks.sip import Message

_FAILURES = 10
"""The default of security.digest.lockout.failures."""
_CHANGING = re.compile(
    r"(?:nonce|branch|tag|rport|received)=[^;,\s]*|^(?:Call-ID|From|To): .*$",
    re.MULTILINE,
)


def test_a_right_guess_is_no_find(system: Stack) -> None:
    """The user's phone is registered elsewhere: it registers, and is called and calls."""
    account = system.subscriber()
    with system.phone(account) as phone, RawClient(system.edge) as client:
        phone.wait_registered()
        wrong = _guess(system, client, account)
        right = _ask(system, client, account)
        assert right.status == 401
        assert _lasting(right) == _lasting(wrong)
        call = phone.dial("600")
        call.wait_established()
        call.hangup()
        assert _row(system, account)["locked_out"] is True
        wait_until(lambda: "locked-out" in _reasons(system, account), 15, "the verdict")
        said = system.cli("subscribers", "unlock", account.username)
        assert said.status == 0, said.err
        assert _row(system, account)["locked_out"] is False
        assert _ask(system, client, account).status == 200


def test_where_the_password_was_proved_it_stays_good(system: Stack) -> None:
    account = system.subscriber()
    with RawClient(system.edge) as client:
        assert _ask(system, client, account).status == 200
        _guess(system, client, account)
        assert _row(system, account)["locked_out"] is True
        assert _ask(system, client, account).status == 200


def test_a_restart_does_not_lock_a_registered_phone_out(system: Stack) -> None:
    account = system.subscriber()
    with RawClient(system.edge) as client:
        assert _ask(system, client, account, extra="Expires: 600\r\n").status == 200
        kamailio = system.container("kamailio_sbc")
        system.engine.exec(
            kamailio, "kamcmd", "htable.delete", "known_at", _place(system, account, client)
        )
        _guess(system, client, account)
        assert _ask(system, client, account).status == 200


def test_an_unknown_user_is_answered_alike(system: Stack) -> None:
    """By every method, before and after so many failures that a known one would be locked out."""
    known = system.subscriber()
    unknown = replace(known, username=str(60_000_000 + secrets.randbelow(10_000_000)))
    with RawClient(system.edge) as client:
        for method in ("REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE", "OPTIONS"):
            answers = [_alike(system, client, method, each) for each in (known, unknown)]
            assert answers[0] == answers[1]
        after = [_lasting(_guess(system, client, each)) for each in (known, unknown)]
        assert after[0] == after[1]


@pytest.fixture
def impatient(system: Stack) -> Iterator[Stack]:
    """Three failures lock for two seconds."""
    lockout = "{failures: 3, first_lock: 2s, longest_lock: 4s}"
    with configured(system, f"security:\n  digest: {{lockout: {lockout}}}\n"):
        yield system


def test_it_ends_by_itself(impatient: Stack) -> None:
    account = impatient.subscriber()
    with RawClient(impatient.edge) as client:
        _guess(impatient, client, account, 3)
        assert _row(impatient, account)["locked_out"] is True
        wait_until(
            lambda: _ask(impatient, client, account).status == 200, 20, "the lock to end", 0.5
        )


@pytest.fixture
def unguarded(system: Stack) -> Iterator[Stack]:
    """The same without the layer."""
    with configured(system, "security:\n  digest: {lockout: off}\n"):
        yield system


def test_without_it_the_last_guess_is_a_find(unguarded: Stack) -> None:
    account = unguarded.subscriber()
    with RawClient(unguarded.edge) as client:
        _guess(unguarded, client, account)
        assert _ask(unguarded, client, account).status == 200


def _guess(system: Stack, client: RawClient, account: Account, times: int = _FAILURES) -> Message:
    """Try wrong passwords; return the last answer."""
    for number in range(times):
        answer = _ask(system, client, replace(account, password=f"guess {number}"))
        assert answer.status == 401
    return answer


def _ask(system: Stack, client: RawClient, account: Account, extra: str = "") -> Message:
    dialog = Dialog(account.username, system.domain)
    return client.ask_as("REGISTER", dialog, account, extra=extra)


def _alike(system: Stack, client: RawClient, method: str, account: Account) -> list[str]:
    """What a stranger is answered who asks as this user, then for this user."""
    told = []
    for user, target in ((account.username, "600"), ("stranger", account.username)):
        dialog = Dialog(user, system.domain, None if method == "REGISTER" else target)
        answer = client.ask(method, dialog)
        if method == "INVITE":
            client.send(client.acknowledge(dialog, answer))
        told.append(_lasting(answer))
    return told


def _lasting(answer: Message) -> str:
    """The answer without what differs from request to request, and its length."""
    return f"{len(answer.text)}\n{_CHANGING.sub('', answer.text)}"


def _row(system: Stack, account: Account) -> dict[str, object]:
    listed = json.loads(system.cli("subscribers", "list", "--json").out)
    found: dict[str, object] = next(each for each in listed if each["username"] == account.username)
    return found


def _reasons(system: Stack, account: Account) -> set[str]:
    told = json.loads(system.cli("why", account.username, "--json").out)["verdicts"]
    return {each["reason"] for each in told}


def _place(system: Stack, account: Account, client: RawClient) -> str:
    return f"{account.username}@{system.domain};{client.address}"
