"""Under load, parts of the system die; what is on record is what the load generator saw."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from tests.system import records
from tests.system.configured import configured
from tests.system.load import WIDE, Load
from tests.system.party import Party
from tests.system.stack import NODES
from tests.system.test_failover import stopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.system.load import Seen
    from tests.system.stack import Stack

# Minutes of load on every core: with --long.
pytestmark = [pytest.mark.chaos, pytest.mark.long]
_NEAR_MS = 100
_BEFORE_S = 3.0
_UNSENT_S = 1.0
"""Events of the last moment are in Kamailio's memory alone."""
_NOTICED_S = 240.0
"""Keep-alives go out once a minute, and two must fail (`ka_interval` in modules.cfg)."""
_UNWRITTEN_S = 3.0
"""By then a dialog has surely been handed over and written down."""
_USED_AGAIN_S = 10.0
"""After RTPengine was started again (`ping_interval` in modules.cfg)."""


@pytest.fixture(scope="module", autouse=True)
def wide(instance: Stack) -> Iterator[None]:
    with configured(instance, WIDE):
        yield


def test_every_call_is_on_record_once(system: Stack) -> None:
    load = Load(system, rate=30)
    load.run()
    found = load.wait_recorded()
    assert len(load.accepted) == load.total
    assert found.keys() == load.accepted.keys()
    _assert_as_seen(load, found)
    _assert_accounted_for(system, load)


def test_mariadb_is_away_for_a_while(system: Stack) -> None:
    load = Load(system, seconds=25)
    with load.running():
        _pass(_BEFORE_S)
        with stopped(system, "mariadb"):
            _pass(15)
    found = load.wait_recorded()
    assert len(load.accepted) == load.total, "calls suffered"
    assert found.keys() == load.accepted.keys()
    _assert_as_seen(load, found)
    _assert_accounted_for(system, load)


def test_control_is_killed(system: Stack) -> None:
    load = Load(system)
    with load.running():
        for _ in range(2):
            _pass(_BEFORE_S)
            with stopped(system, "control", kill=True):
                _pass(2)
    found = load.wait_recorded()
    assert len(load.accepted) == load.total, "calls suffered"
    assert found.keys() == load.accepted.keys()
    _assert_as_seen(load, found)
    _assert_accounted_for(system, load)


def test_kamailio_is_stopped(system: Stack) -> None:
    """SIGTERM: what was accepted is on record, and calls that go on end on record later."""
    load = Load(system, seconds=20)
    with Party(system, system.subscriber()) as alice:
        with load.running():
            _pass(_BEFORE_S)
            leg = alice.call("602")
            _pass(1)
            with stopped(system, "kamailio_sbc"):
                pass
        assert system.api.call(leg.call_id)["node"] in NODES
        ended = alice.hang_up(leg)
        mine = records.cdr(system, leg.call_id)
    found = load.wait_recorded()
    assert mine["hangup_by"] == "caller"
    assert abs(mine["duration_ms"] - (ended - leg.answered) * 1000) <= _NEAR_MS
    _report(load, found)
    assert found.keys() <= load.calls.keys()
    _assert_as_seen(load, found)


def test_rtpengine_is_killed(system: Stack) -> None:
    load = Load(system, seconds=30)
    with load.running():
        _pass(_BEFORE_S)
        with stopped(system, "rtpengine", kill=True):
            _pass(4)
    back = _started(system, "rtpengine")
    found = load.wait_recorded()
    assert found.keys() <= load.calls.keys()
    refused = [call_id for call_id, row in found.items() if row["reason"] == "no-media"]
    last = max(load.calls[call_id].begun for call_id in refused)
    _report(load, found, used_again_after=round(last - back, 1))
    assert len(load.accepted) == load.total
    _assert_as_seen(load, found)
    reasons = {row["reason"] for row in found.values() if row["result"] == "refused"}
    assert reasons == {"no-such-user", "no-media"}
    assert last < back + _USED_AGAIN_S
    assert any(seen.answered and seen.begun > back + _USED_AGAIN_S for seen in load.calls.values())


def test_without_any_node_refusals_are_on_record(system: Stack) -> None:
    with Party(system, system.subscriber()) as alice, stopped(system, *NODES, kill=True):
        leg = alice.invite("600")
        assert alice.final(leg) in {500, 503}
        found = records.cdr(system, leg.call_id)
    assert (found["result"], found["reason"]) == ("refused", "no-backend")
    assert found["sip_code"] in {500, 503}


def test_kamailio_is_killed(system: Stack) -> None:
    """SIGKILL: what can be lost is what it had in memory alone."""
    load = Load(system, seconds=25)
    with Party(system, system.subscriber()) as alice:
        leg = alice.call("602")
        with load.running():
            _pass(_UNWRITTEN_S + 2)
            killed = time.time()
            with stopped(system, "kamailio_sbc", kill=True):
                pass
        ended = alice.hang_up(leg)
        mine = records.cdr(system, leg.call_id)
    found = _settled(system, load)
    assert abs(mine["duration_ms"] - (ended - leg.answered) * 1000) <= _NEAR_MS
    assert found.keys() <= load.calls.keys()
    lost = {cid: seen for cid, seen in load.accepted.items() if cid not in found}
    _report(load, found, lost=len(lost))
    for call_id, seen in lost.items():
        end = seen.ended or seen.failed
        assert killed - _UNSENT_S <= end or seen.begun <= killed, (call_id, seen, killed)
        assert end <= killed + 1, f"lost after the restart: {call_id} {seen}"
    assert len(lost) <= load.rate * _UNSENT_S
    _assert_as_seen(load, {cid: row for cid, row in found.items() if cid not in lost})


def test_a_call_whose_node_died_ends_by_keep_alive(system: Stack) -> None:
    with Party(system, system.subscriber()) as alice:
        leg = alice.call("602")
        node = system.api.call(leg.call_id)["node"]
        with stopped(system, node, kill=True):
            died = time.time()
        found = records.cdr(system, leg.call_id, timeout=_NOTICED_S)
    print({"noticed after": round(time.time() - died)})
    assert (found["result"], found["hangup_by"]) == ("answered", "vanished")
    length = (died - leg.answered) * 1000
    assert length - _NEAR_MS <= found["duration_ms"] <= length + _NOTICED_S * 1000


def test_a_busy_hour_in_five_minutes(system: Stack) -> None:
    """200 calls a second; a machine that is too small for it refuses, and that is on record."""
    load = Load(system, rate=200, seconds=300, hold=0.2, users=200)
    load.run()
    load.wait_recorded(300)
    found = _settled(system, load)
    _report(load, found, sustained=round(len(load.accepted) / _span(load), 1))
    assert found.keys() <= load.calls.keys()
    # The load generator's own clock is late where the machine has no time left.
    _assert_as_seen(load, found, near_ms=2000)


def _assert_as_seen(
    load: Load, found: Mapping[str, records.Row], near_ms: float = _NEAR_MS
) -> None:
    """Row by row: result, code, who hung up, length."""
    wrong = [
        f"{call_id}: {seen} but {found[call_id]}"
        for call_id, seen in load.accepted.items()
        if call_id in found and not _is_as_seen(seen, found[call_id], near_ms)
    ]
    assert not wrong, f"{len(wrong)} of {len(found)} differ:\n" + "\n".join(wrong[:5])


def _is_as_seen(seen: Seen, row: records.Row, near_ms: float) -> bool:
    if seen.failed:
        return row["result"] in {"failed", "refused"} and row["sip_code"] == seen.code
    length = float(row["duration_ms"] or -1)
    # The SBC's end of the call lies between the BYE and its answer.
    shortest, longest = seen.hung_up - seen.answered, seen.ended - seen.answered
    is_right = shortest * 1000 - near_ms <= length <= longest * 1000 + near_ms
    return is_right and (row["result"], row["hangup_by"]) == ("answered", "caller")


def _assert_accounted_for(system: Stack, load: Load) -> None:
    """Kamailio's own table: INVITE once a leg, and BYE once a leg that was answered."""
    mine = ", ".join(records.text(account.username) for account in load.accounts)
    counted = records.rows(system, "acc", f"src_user IN ({mine}) AND src_ip NOT LIKE '10.%.0.%'")
    methods = Counter(str(row["method"]) for row in counted)
    answered = sum(bool(seen.answered) for seen in load.accepted.values())
    assert methods == {"INVITE": len(load.accepted), "BYE": answered}


def _settled(system: Stack, load: Load) -> dict[str, records.Row]:
    """Wait until a call that came after all others is on record."""
    with Party(system, system.subscriber()) as last:
        leg = last.call("600")
        last.hang_up(leg)
        records.cdr(system, leg.call_id, timeout=30)
    return load.rows()


def _started(system: Stack, role: str) -> float:
    """When a container was started last, in seconds since the epoch."""
    at = system.engine.docker("inspect", "-f", "{{.State.StartedAt}}", system.container(role))
    return datetime.fromisoformat(at.strip()).timestamp()


def _span(load: Load) -> float:
    begun = [seen.begun for seen in load.calls.values()]
    return max(begun) - min(begun)


def _report(load: Load, found: Mapping[str, records.Row], **more: float) -> None:
    """Print the figures that the documentation quotes (pytest -rP shows them)."""
    calls = load.calls.values()
    print(
        {
            "placed": load.total,
            "accepted": len(load.accepted),
            "rows": len(found),
            "missing": len(load.accepted.keys() - found.keys()),
            "rows of calls that were not accepted": len(found.keys() - load.accepted.keys()),
            "BYE answered 481": sum(bool(seen.gone) for seen in calls),
            "never answered": sum(not seen.answered and not seen.failed for seen in calls),
            "results": dict(Counter(str(row["result"]) for row in found.values())),
            **more,
        }
    )


def _pass(seconds: float) -> None:
    """Let the load run: it is time itself that matters."""
    time.sleep(seconds)
