from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringwall.api.app import PREFIX
from ringwall.api.push_models import Purge
from ringwall.api.pushes import PushDesk
from ringwall.api.registered import cursor
from ringwall.errors import BadInput
from ringwall.telemetry.contacts import LIVE_LIMIT

from .conftest import Control
from .phones import MOMENT


def get(control: Control, path: str) -> Any:
    answer = control.http.get(f"{PREFIX}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_registrations_come_from_memory(control: Control) -> None:
    control.kamailio.registrar.contacts = {"1001": ["sip:a", "sip:b"], "1002": ["sip:c"]}
    found = get(control, "/registrations")
    assert found["live"] is True
    assert [each["contact"] for each in found["registrations"]] == ["sip:a", "sip:b", "sip:c"]
    assert found["registrations"][0] == {
        "user": "1001", "domain": "sip.example.com", "contact": "sip:a", "received": None,
        "expires": 600, "user_agent": "phone", "call_id": "c", "cseq": 2,
        "socket": "udp:10.5.1.2:5060",
    }  # fmt: skip
    assert len(get(control, "/registrations?limit=2")["registrations"]) == 2
    assert len(get(control, "/registrations?user=1002")["registrations"]) == 1
    assert get(control, "/registrations?user=1003") == {"registrations": [], "live": True}


@pytest.mark.parametrize("why", ["many", "away"])
def test_or_from_the_database_and_it_says_so(control: Control, why: str) -> None:
    control.kamailio.away = why == "away"
    control.kamailio.registrar.number = LIVE_LIMIT + 1
    found = get(control, "/registrations?limit=7")
    assert (found["live"], found["registrations"][0]["contact"]) == (False, "sip:stored")
    assert control.phones.asked == [(None, 7)]


def test_of_one_user_memory_knows_even_when_there_are_many(control: Control) -> None:
    control.kamailio.registrar.number = LIVE_LIMIT + 1
    control.kamailio.registrar.contacts = {"1001": ["sip:a"]}
    assert get(control, "/registrations?user=1001")["live"] is True


def test_removing_one_contact_or_all(control: Control) -> None:
    registrar = control.kamailio.registrar
    registrar.contacts = {"1001": ["sip:a", "sip:b"]}
    path = f"{PREFIX}/registrations/1001"
    assert control.http.delete(path, params={"contact": "sip:x"}).status_code == 404
    answer = control.http.delete(path, params={"contact": "sip:a"})
    assert answer.json() == {"user": "1001", "contacts": ["sip:a"]}
    assert registrar.contacts == {"1001": ["sip:b"]}
    assert control.http.delete(path).json()["contacts"] == ["sip:b"]
    assert registrar.contacts == {}
    assert control.http.delete(path).json() == {
        "error": "1001 is not registered",
        "remedy": "`ringwall registrations list 1001` shows them",
    }


def test_without_kamailio_nothing_is_removed(control: Control) -> None:
    control.kamailio.away = True
    assert control.http.delete(f"{PREFIX}/registrations/1001").status_code == 503


def test_history_comes_in_pages(control: Control) -> None:
    first = get(control, "/registrations/history?limit=2&user=1001&event=register&since=1h")
    assert [each["number"] for each in first["events"]] == [3, 2]
    assert first["next"] == "2030-05-17T08:00:00.250Z.2"
    wanted, most = control.phones.asked[-1]
    assert (wanted.user, wanted.event, most) == ("1001", "register", 2)
    assert abs(wanted.since - datetime.now(UTC) + timedelta(hours=1)) < timedelta(seconds=5)
    last = get(control, f"/registrations/history?limit=4&before={first['next']}")
    assert last["next"] is None
    assert control.phones.asked[-1][0].before == (MOMENT, 2)


@pytest.mark.parametrize("query", ["since=yesterday", "before=x", "event=call", "limit=0"])
def test_wrong_filters(control: Control, query: str) -> None:
    assert control.http.get(f"{PREFIX}/registrations/history?{query}").status_code == 422


def test_a_page_has_a_place() -> None:
    assert cursor(None) is None
    with pytest.raises(BadInput):
        cursor("2030-05-17T08:00:00.250Z.")


def test_pushes_and_how_they_are_doing(control: Control) -> None:
    control.outbox.oldest = datetime.now(UTC) - timedelta(seconds=90)
    control.worker.counted.away_since = MOMENT.timestamp()
    control.worker.counted.last_error = "answers 500"
    control.worker.counted.failures = 3
    found = get(control, "/pushes?state=parked&user=1001&before=9&limit=5")
    status = found["status"]
    assert 90 <= status.pop("lag_seconds") < 100
    assert status == {
        "enabled": True, "pending": 1, "parked": 1, "away_since": "2030-05-17T08:00:00.250000Z",
        "last_error": "answers 500", "sent_total": 0, "failures_total": 3, "parked_total": 0,
    }  # fmt: skip
    assert [each["id"] for each in found["pushes"]] == [1]
    assert control.outbox.asked == [("parked", "1001", 9, 5)]


def test_one_push_has_its_document(control: Control) -> None:
    found = get(control, "/pushes/1")
    assert (found["state"], found["attempts"], found["last_error"]) == ("parked", 9, "answers 500")
    assert found["document"]["id"] == found["event_id"]
    assert control.http.get(f"{PREFIX}/pushes/9").status_code == 404
    assert control.http.get(f"{PREFIX}/pushes/x").status_code == 422


def test_retry_of_one_or_all_wakes_the_worker(control: Control) -> None:
    for body, number in (({"id": 1}, 1), ({}, None), (None, None)):
        answer = control.http.post(f"{PREFIX}/pushes/retry", json=body)
        assert answer.json() == {"pushes": 1}
        assert control.outbox.asked[-1] == ("retry", number)
    assert control.worker.retries == 3


def test_purge_tells_the_worker(control: Control) -> None:
    assert control.http.post(f"{PREFIX}/pushes/purge").json() == {"pushes": 7}
    control.http.post(f"{PREFIX}/pushes/purge", json={"state": "pending", "older_than": "1d"})
    first, second = control.outbox.asked
    assert first == ("purge", "parked", None)
    assert second[1] == "pending"
    assert second[2] is not None
    assert control.worker.retries == 2
    answer = control.http.post(f"{PREFIX}/pushes/purge", json={"state": "sent"})
    assert answer.status_code == 422


def test_without_a_url_there_is_nobody_to_tell(control: Control) -> None:
    desk = PushDesk(control.outbox, None)
    assert desk.status().enabled is False
    with pytest.raises(BadInput, match=r"telemetry\.registrations\.url is not set"):
        desk.retry(None)
    assert desk.purge(Purge()).pushes == 7
