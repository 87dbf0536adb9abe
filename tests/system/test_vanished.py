"""A phone that vanishes in a call, without a BYE: noticed, and the call's end is honest."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.system import records, stack
from tests.system.test_calls import assert_both_hear, connect, phones

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

    from ringwall.checks.phone import Phone

_MEDIA_S, _HOLD_S = 8, 20
_NOTICED_S = 8.0
"""Until it is on record, beyond the time-out."""
_HONEST_S = 2.0


@pytest.fixture(scope="module", autouse=True)
def _impatient(instance: Stack) -> Iterator[None]:
    """The PBX gives silent phones up soon, while this module's tests run."""
    file = instance.workspace.root / "ringwall.yaml"
    times = f"pbx:\n  media_timeout: {_MEDIA_S}s\n  hold_timeout: {_HOLD_S}s\n"
    file.write_text(stack.CONFIGURATION.replace("pbx:\n", times))
    instance.up()
    yield
    file.write_text(stack.CONFIGURATION)
    instance.up()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_call_ends_when_a_phone_vanished(system: Stack, who: str) -> None:
    with phones(system, "udp", "udp") as (alice, bob):
        out, came = connect(alice, bob)
        assert_both_hear(alice, bob)
        vanished = _kill(system, alice if who == "caller" else bob)
        (came if who == "caller" else out).wait_closed(_MEDIA_S + _NOTICED_S)
        found = records.cdr(system, out.id, legs=2, timeout=_NOTICED_S)
    assert (found["result"], found["hangup_by"]) == ("answered", "vanished")
    assert abs(_epoch(found["ended_at"]) - vanished) <= _HONEST_S
    length = vanished - _epoch(found["answered_at"])
    assert abs(found["duration_ms"] / 1000 - length) <= _HONEST_S
    gone, stayed = found["legs"] if who == "caller" else found["legs"][::-1]
    assert gone["hangup_by"] == "vanished"
    assert stayed["hangup_by"] == ("caller" if who == "caller" else "callee")
    assert _epoch(stayed["ended_at"]) > vanished + _MEDIA_S - _HONEST_S
    assert found["mos_average"] is not None


def test_a_phone_on_hold_may_be_silent_for_longer(system: Stack) -> None:
    with phones(system, "udp", "udp") as (alice, bob):
        out, came = connect(alice, bob)
        assert_both_hear(alice, bob)
        out.hold()
        held = time.time()
        time.sleep(_MEDIA_S + 4)  # that nothing ends meanwhile is what is tested
        assert system.api.call(out.id)["caller"] == alice.account.username
        vanished = _kill(system, alice)
        came.wait_closed(_HOLD_S + _NOTICED_S)
        found = records.cdr(system, out.id, legs=2, timeout=_NOTICED_S)
    assert found["hangup_by"] == "vanished"
    assert held - _HONEST_S <= _epoch(found["ended_at"]) <= vanished + _HONEST_S


def _kill(system: Stack, phone: Phone) -> float:
    """Pull a phone's plug; return when."""
    system.engine.docker("kill", phone.name)
    return time.time()


def _epoch(moment: Any) -> float:
    return datetime.fromisoformat(moment).astimezone(UTC).timestamp()
