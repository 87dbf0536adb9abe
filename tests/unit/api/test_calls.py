from __future__ import annotations

import pytest

from ringwall.store.database import DatabaseAway
from ringwall.store.dialogs import StoredDialog

from .conftest import Control

CALLS = "/api/v1/calls"


def ended_with(control: Control) -> list[str]:
    ways = {"dlg.end_dlg", "tm.cancel"}
    return [str(call[0]) for call in control.kamailio.calls if call[0] in ways]


def test_nobody_calls(control: Control) -> None:
    assert control.http.get(CALLS).json() == {"calls": [], "live": True}


def test_both_legs_are_one_call_newest_first(control: Control) -> None:
    control.switch.call("older")
    control.switch.call("newer", "c-leg", state=2)
    body = control.http.get(CALLS).json()
    assert body["live"]
    newer, older = body["calls"]
    assert (newer["id"], newer["state"], newer["answered_at"]) == ("newer", "ringing", None)
    assert (older["id"], older["state"]) == ("older", "answered")
    assert [leg["call_id"] for leg in older["legs"]] == ["older", "b-leg"]
    assert [leg["direction"] for leg in older["legs"]] == ["from-user", "to-user"]
    assert older["caller"] == "1001"
    assert older["source"] == "10.5.1.50"
    assert older["since"] == "2030-03-17T17:46:40.123Z"
    assert older["answered_at"] == "2030-03-17T17:46:42.000Z"


def test_what_has_ended_but_is_not_forgotten_is_no_call(control: Control) -> None:
    control.switch.call("over", None, state=5)
    assert control.http.get(CALLS).json()["calls"] == []


@pytest.mark.parametrize("call_id", ["first", "b-leg"])
def test_one_by_any_of_its_call_ids(control: Control, call_id: str) -> None:
    control.switch.call("first")
    assert control.http.get(f"{CALLS}/{call_id}").json()["id"] == "first"


def test_a_call_id_may_look_like_a_path(control: Control) -> None:
    control.switch.call("a/b?c@10.0.0.1", None)
    answer = control.http.get(f"{CALLS}/a%2Fb%3Fc%4010.0.0.1")
    assert answer.json()["id"] == "a/b?c@10.0.0.1"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_call_that_is_over_is_not_found(control: Control, method: str) -> None:
    answer = control.http.request(method, f"{CALLS}/gone")
    assert answer.status_code == 404
    assert "no call gone goes on" in answer.json()["error"]


def test_the_first_leg_is_ended_and_the_pbx_does_the_rest(control: Control) -> None:
    control.switch.call("first")
    assert control.http.delete(f"{CALLS}/b-leg").json() == {"id": "first", "legs": 2, "left": 0}
    assert ended_with(control) == ["dlg.end_dlg"]
    assert ["htable.sets", "hangups", "first", "sbc"] in control.kamailio.calls


def test_a_call_that_rings_is_cancelled(control: Control) -> None:
    control.switch.call("first", state=2)
    assert control.http.delete(f"{CALLS}/first").json()["left"] == 0
    assert ended_with(control) == ["tm.cancel"]


def test_what_the_pbx_does_not_end_is_ended_too(control: Control) -> None:
    control.switch.call("first")
    control.switch.deaf = True
    assert control.http.delete(f"{CALLS}/first").json()["left"] == 0
    assert ended_with(control) == ["dlg.end_dlg", "dlg.end_dlg"]


def test_what_is_left_is_told(control: Control) -> None:
    control.switch.call("first")
    control.switch.stubborn = {"b-leg"}
    assert control.http.delete(f"{CALLS}/first").json() == {"id": "first", "legs": 2, "left": 1}


def test_a_call_whose_first_leg_is_gone_is_ended_by_what_is_there(control: Control) -> None:
    control.switch.leg("b-leg", "first", "to-user")
    assert control.http.delete(f"{CALLS}/first").json() == {"id": "first", "legs": 1, "left": 0}


def test_many_calls_are_read_from_the_database_and_the_newest_from_memory(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringwall.api.calls.time.time", lambda: 1_900_000_010.0)
    control.switch.more = 1000
    control.switch.call("young")
    control.switch.call("rings", "c-leg", state=2)
    variables = {"cid": "stored", "caller": "1003", "answered": "1800000000500"}
    control.dialogs.rows = [StoredDialog(9, 9, "stored", "t", 4, 1_800_000_000, variables)]
    body = control.http.get(CALLS).json()
    assert not body["live"]
    assert [call["id"] for call in body["calls"]] == ["rings", "young", "stored"]
    stored = body["calls"][-1]
    assert stored["answered_at"] == "2027-01-15T08:00:00.500Z"
    assert stored["since"] == "2027-01-15T08:00:00.000Z"


def test_an_answer_that_is_cut_off_sends_us_to_the_database(control: Control) -> None:
    control.switch.call("first")
    control.switch.too_long = True
    assert not control.http.get(CALLS).json()["live"]


def test_one_among_many_is_ended(control: Control) -> None:
    control.switch.more = 1000
    control.switch.call("first")
    control.dialogs.rows = [StoredDialog(1, 101, "b-leg", "t", 4, 1, {"cid": "first"})]
    assert control.http.delete(f"{CALLS}/b-leg").json() == {"id": "first", "legs": 2, "left": 0}


def test_ending_one_among_many_needs_no_database(control: Control) -> None:
    control.switch.more = 1000
    control.switch.call("first")
    control.dialogs.error = DatabaseAway("MariaDB is away")
    assert control.http.delete(f"{CALLS}/first").json()["left"] == 0
    assert control.http.get(CALLS).status_code == 503


def test_without_kamailio_nobody_knows(control: Control) -> None:
    control.kamailio.away = True
    assert control.http.get(CALLS).status_code == 503
    assert control.http.delete(f"{CALLS}/first").status_code == 503
