from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwall.store.calls import Key, LegRow, call, preferred, reuses
from ringwall.store.records import merge

from .legs import answered, at, failed, second


def test_a_call_between_two_users() -> None:
    row = call([second(source_address="10.5.0.10", answered_at=at(4.5)), answered()])
    assert row["correlation_id"] == "a@phone"
    assert (row["caller"], row["dialled"], row["number"]) == ("1001", "1002", "1002")
    assert row["source_address"] == "10.5.1.50"
    assert (row["result"], row["sip_code"], row["hangup_by"]) == ("answered", 200, "caller")
    assert (row["ring_ms"], row["duration_ms"]) == (4_000, 60_000)


@pytest.mark.parametrize(
    ("leg", "result"),
    [
        (failed(486), "busy"),
        (failed(600), "busy"),
        (failed(487), "cancelled"),
        (failed(480), "failed"),
        (failed(0), "failed"),
        (failed(404, reason="no-such-user"), "refused"),
        (failed(486, reason="limit-calls"), "refused"),
        (answered(reason="limit-duration"), "answered"),
    ],
)
def test_results(leg: LegRow, result: str) -> None:
    assert call([leg])["result"] == result


def test_a_call_that_nobody_answered_lasts_no_time() -> None:
    row = call([failed(487, ended_at=at(31))])
    assert (row["ring_ms"], row["duration_ms"], row["answered_at"]) == (30_000, 0, None)


def test_the_mailbox_that_answers_is_an_answer() -> None:
    rang = second(to_tag="", answered_at=None, sip_code=480, ended_at=at(4))
    assert call([rang, answered()])["result"] == "answered"


def test_a_call_that_the_pbx_made_has_the_leg_to_the_user_alone() -> None:
    row = call([second(correlation_id="b@pbx")])
    assert (row["result"], row["duration_ms"]) == ("answered", 60_000)


def test_who_vanished_on_the_far_side_is_told_although_the_pbx_says_bye() -> None:
    assert call([answered(hangup_by="callee"), second(hangup_by="vanished")])["hangup_by"] == (
        "vanished"
    )
    assert call([answered(hangup_by="caller"), second(hangup_by="caller")])["hangup_by"] == "caller"


def test_a_call_ends_when_the_far_phone_vanished_and_not_when_the_pbx_noticed() -> None:
    row = call([answered(hangup_by="callee"), second(hangup_by="vanished", ended_at=at(25))])
    assert (row["hangup_by"], row["ended_at"], row["duration_ms"]) == ("vanished", at(25), 20_000)


def test_who_vanished_after_the_call_did_not_end_it() -> None:
    row = call([answered(hangup_by="caller"), second(hangup_by="vanished", ended_at=at(25))])
    assert (row["hangup_by"], row["ended_at"]) == ("caller", at(65))


def test_a_call_is_as_good_as_its_worse_leg() -> None:
    far = second(mos_average=3.1, mos_min=2.0, loss_callee=7.5, round_trip=30.25, srtp=False)
    row = call([answered(loss_caller=1.5), far])
    assert (row["mos_average"], row["mos_min"]) == (3.1, 2.0)
    assert (row["loss_caller"], row["loss_callee"]) == (1.5, 7.5)
    assert row["round_trip"] == 50.25
    assert row["srtp"] is False


def test_what_nobody_measured_is_unknown() -> None:
    bare = answered(mos_average=None, mos_min=None, round_trip=None)
    row = call([bare])
    assert row["mos_average"] is row["mos_min"] is row["round_trip"] is None


def test_another_try_with_the_same_call_id_is_the_call() -> None:
    """RFC 3261, 8.1.3.5: after 413, 420, 422 and their like, Call-ID and From tag stay."""
    legs = [failed(422, ended_at=at(1)), answered(invited_at=at(1))]
    row = call(legs)
    assert (row["result"], row["duration_ms"]) == ("answered", 60_000)
    assert not reuses(legs)


def test_of_attempts_that_all_failed_the_last_counts() -> None:
    assert preferred(failed(486, ended_at=at(1)), failed(487, ended_at=at(9))).sip_code == 487
    legs = [failed(486, ended_at=at(1)), failed(487, from_tag="f9", ended_at=at(9))]
    assert call(legs)["result"] == "cancelled"


def test_of_two_ends_of_a_dialog_the_first_counts() -> None:
    one, other = answered(hangup_by="caller"), answered(hangup_by="callee", ended_at=at(65.01))
    assert preferred(one, other) == preferred(other, one) == one


def test_a_call_id_that_serves_two_calls_hides_neither() -> None:
    again = answered(to_tag="t9", invited_at=at(99), answered_at=at(100), ended_at=at(110))
    legs = [again, answered()]
    row = call(legs)
    assert row["duration_ms"] == 70_000
    assert (row["answered_at"], row["ended_at"]) == (at(5), at(110))
    assert reuses(legs)


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    row = call([answered(ringing_at=at(9), ended_at=at(2))])
    assert (row["ring_ms"], row["duration_ms"]) == (0, 0)


class Table:
    """What ``records.write`` makes of ``cdr_legs`` and ``cdrs``, in a dictionary."""

    def __init__(self) -> None:
        self.legs: dict[str, dict[Key, LegRow]] = {}
        self.calls: dict[str, dict[str, Any]] = {}

    def write(self, batch: Sequence[LegRow]) -> None:
        known = {leg.correlation_id: self.legs.get(leg.correlation_id, {}) for leg in batch}
        for correlation, of_call in merge(known, batch).items():
            self.legs[correlation] = of_call
            self.calls[correlation] = dict(call(of_call.values()))


times = st.integers(0, 200).map(at)


@st.composite
def some_leg(draw: st.DrawFn) -> LegRow:
    changes: dict[str, datetime | str] = {
        "correlation_id": draw(st.sampled_from(["a@phone", "c@phone"])),
        "from_tag": draw(st.sampled_from(["f1", "f2"])),
        "invited_at": draw(times),
        "ended_at": draw(times),
        "hangup_by": draw(st.sampled_from(["caller", "callee", "vanished"])),
    }
    if draw(st.booleans()):
        return failed(draw(st.sampled_from([404, 486, 487])), **changes)
    dialog = {"to_tag": draw(st.sampled_from(["t1", "t2"])), "answered_at": draw(times)}
    side = draw(st.sampled_from(["from-user", "to-user"]))
    return answered(**changes, **dialog) if side == "from-user" else second(**changes, **dialog)


@given(legs=st.lists(some_leg(), min_size=1, max_size=8), data=st.data())
def test_any_order_any_repetition_any_batches_make_the_same_calls(
    legs: list[LegRow], data: st.DataObject
) -> None:
    once = Table()
    once.write(legs)
    told = data.draw(st.permutations(legs + data.draw(st.lists(st.sampled_from(legs)))))
    again = Table()
    while told:
        size = data.draw(st.integers(1, len(told)))
        again.write(told[:size])
        told = told[size:]
    assert again.calls == once.calls
    assert again.legs == once.legs
