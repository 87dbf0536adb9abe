from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.unit.telemetry.lines import verdict

from ringwall.api.rows import verdict_row
from ringwall.api.verdicts import Held, VerdictDesk
from ringwall.store.verdicts import Asked

from .conftest import Control, FakeVerdicts

VERDICTS = "/api/v1/verdicts"


def row() -> dict[str, object]:
    made = verdict_row(verdict())
    return {**made, "id": 7, "at": made["at"].replace(tzinfo=UTC)}


def test_the_last_refusals_are_explained(control: Control) -> None:
    control.verdicts.rows = [row()]
    body = control.http.get(VERDICTS, params={"user": "1001", "limit": "3"}).json()
    assert set(body) == {"verdicts", "reasons"}
    (found,) = body["verdicts"]
    assert (found["reason"], found["status"], found["address"]) == (
        "no-dialog", 481, "198.51.100.7",
    )  # fmt: skip
    assert "call" in body["reasons"]["no-dialog"]["meaning"]
    assert control.verdicts.asked == [(Asked(user="1001"), 3)]


def test_an_address_is_asked_for_as_it_is_stored(control: Control) -> None:
    control.http.get(VERDICTS, params={"address": "2001:DB8:0::1", "since": "2030-05-17T08:00:00Z"})
    since = datetime(2030, 5, 17, 8, tzinfo=UTC)
    assert control.verdicts.asked == [(Asked(address="2001:db8::1", since=since), 50)]


@pytest.mark.parametrize("wrong", [{"address": "x"}, {"limit": "0"}, {"since": "soon"}])
def test_what_cannot_be_right(control: Control, wrong: dict[str, str]) -> None:
    assert control.http.get(VERDICTS, params=wrong).status_code == 422


def test_who_is_held_off_is_told() -> None:
    held = Held(reason="flood", until=None)
    told = VerdictDesk(FakeVerdicts(), ban=lambda _address: held)
    assert told.why(Asked(address="198.51.100.7"), 1).ban == held
    assert told.why(Asked(user="1001"), 1).ban is None
