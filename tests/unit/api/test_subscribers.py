from __future__ import annotations

import pytest

from ringwall.security.accounts import digests
from ringwall.telemetry.kamailio_rpc import Json

from .conftest import Control

RELOAD: list[Json] = ["htable.reload", "credentials"]


def test_add_with_a_password(control: Control) -> None:
    answer = control.http.post(
        "/api/v1/subscribers", json={"username": "1001", "password": "correct horse"}
    )
    assert answer.status_code == 201
    body = answer.json()
    stored = control.subscribers.rows["1001"]
    assert body == {
        "username": "1001",
        "domain": "sip.example.com",
        "password": None,
        "pin": stored.pin,
        "warnings": [],
    }
    expected = digests("1001", "sip.example.com", "correct horse")
    assert (stored.md5, stored.sha256) == (expected.md5, expected.sha256)
    assert RELOAD in control.kamailio.calls
    assert control.mailboxes == [f"1001 => {stored.pin},1001"]
    assert sorted(control.asterisks.reloads) == [
        ("10.5.0.10", "ami-secret", "app_voicemail.so"),
        ("10.5.0.11", "ami-secret", "app_voicemail.so"),
    ]


def test_a_made_password_is_told_once_and_fits(control: Control) -> None:
    body = control.http.post("/api/v1/subscribers", json={"username": "alice"}).json()
    assert len(body["password"]) == 20
    assert body["pin"] is None
    stored = control.subscribers.rows["alice"]
    assert stored.md5 == digests("alice", "sip.example.com", body["password"]).md5
    assert body["password"] not in control.http.get("/api/v1/subscribers").text


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"username": "a b"}, "letters"),
        ({"username": "600"}, "dialplan"),
        ({"username": "603"}, "dialplan"),
        ({"username": "1001", "password": "short"}, "8 to 128"),
        ({"username": "1001", "password": ""}, "8 to 128"),
        ({"username": 5}, "username"),
        ({"password": "long enough"}, "username"),
        ({"username": "1001", "passwort": "long enough"}, "passwort"),
    ],
)
def test_what_cannot_be_right_is_refused(
    control: Control, body: dict[str, object], word: str
) -> None:
    answer = control.http.post("/api/v1/subscribers", json=body)
    assert answer.status_code == 422
    assert word in answer.json()["error"]
    assert "long enough" not in answer.text
    assert not control.subscribers.rows
    assert not control.kamailio.calls


def test_broken_json_is_refused(control: Control) -> None:
    answer = control.http.post(
        "/api/v1/subscribers",
        content=b'{"username": ',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
    assert "JSON" in answer.json()["error"]


def test_a_name_that_exists_is_refused_whatever_its_capitals(control: Control) -> None:
    for name, status in (("alice", 201), ("alice", 409), ("Alice", 409)):
        answer = control.http.post("/api/v1/subscribers", json={"username": name})
        assert answer.status_code == status


def test_list_says_who_is_registered(control: Control) -> None:
    for name in ("1001", "Bob", "carol"):
        control.http.post("/api/v1/subscribers", json={"username": name})
    control.kamailio.registered = ["bob@sip.example.com", "carol@other.example.com"]
    answer = control.http.get("/api/v1/subscribers").json()
    assert [(each["username"], each["registered"]) for each in answer] == [
        ("1001", False),
        ("Bob", True),
        ("carol", False),
    ]


def test_without_kamailio_the_database_knows_who_is_registered(control: Control) -> None:
    control.http.post("/api/v1/subscribers", json={"username": "1001"})
    control.kamailio.away = True
    control.subscribers.on_disk = frozenset({"1001"})
    assert control.http.get("/api/v1/subscribers").json()[0]["registered"] is True


def test_set_a_password(control: Control) -> None:
    control.http.post("/api/v1/subscribers", json={"username": "alice"})
    answer = control.http.put(
        "/api/v1/subscribers/alice/password", json={"password": "another one"}
    )
    assert answer.status_code == 200
    assert answer.json()["password"] is None
    expected = digests("alice", "sip.example.com", "another one").sha256
    assert control.subscribers.rows["alice"].sha256 == expected
    assert control.kamailio.calls.count(RELOAD) == 2


@pytest.mark.parametrize("content", [b"", b"{}", b'{"password": null}'])
def test_make_a_password(control: Control, content: bytes) -> None:
    control.http.post("/api/v1/subscribers", json={"username": "alice"})
    answer = control.http.put(
        "/api/v1/subscribers/alice/password",
        content=content,
        headers={"content-type": "application/json"},
    )
    made = answer.json()["password"]
    assert control.subscribers.rows["alice"].md5 == digests("alice", "sip.example.com", made).md5


def test_remove_ends_registrations_and_mailbox(control: Control) -> None:
    control.http.post("/api/v1/subscribers", json={"username": "1001"})
    control.kamailio.registrar.contacts = {"1001": ["sip:a", "sip:b"], "1002": ["sip:c"]}
    answer = control.http.delete("/api/v1/subscribers/1001")
    assert answer.json() == {"username": "1001", "domain": "sip.example.com", "warnings": []}
    left = {user: found for user, found in control.kamailio.registrar.contacts.items() if found}
    assert left == {"1002": ["sip:c"]}
    assert control.mailboxes == []


def test_who_is_not_there_cannot_be_changed(control: Control) -> None:
    assert control.http.delete("/api/v1/subscribers/1001").status_code == 404
    assert control.http.put("/api/v1/subscribers/1001/password", json={}).status_code == 404
    assert control.http.delete("/api/v1/subscribers/x'%20OR%201=1").status_code == 404
    assert not control.kamailio.calls


def test_import_is_all(control: Control) -> None:
    rows = [{"username": "1001"}, {"username": "alice", "password": "correct horse"}]
    answer = control.http.post("/api/v1/subscribers/import", json=rows)
    assert answer.status_code == 201
    made, given = answer.json()["subscribers"]
    assert len(made["password"]) == 20
    assert given["password"] is None
    assert control.kamailio.calls == [RELOAD]
    assert sorted(control.subscribers.rows) == ["1001", "alice"]


def test_import_or_nothing(control: Control) -> None:
    control.http.post("/api/v1/subscribers", json={"username": "1001"})
    names = ["good", "1001", "a b", "Good", "700"]
    rows = [{"username": name} for name in names]
    rows.append({"username": "x", "password": "kurz"})
    answer = control.http.post("/api/v1/subscribers/import", json=rows)
    assert answer.status_code == 422
    faults = {fault["row"]: fault["error"] for fault in answer.json()["errors"]}
    assert sorted(faults) == [2, 3, 4, 5, 6]
    assert faults[2] == "a subscriber 1001 exists"
    assert faults[4] == "Good is in row 1 too"
    assert list(control.subscribers.rows) == ["1001"]


def test_a_change_is_kept_and_told_when_kamailio_is_back(control: Control) -> None:
    control.kamailio.away = True
    answer = control.http.post("/api/v1/subscribers", json={"username": "alice"})
    assert answer.status_code == 201
    (warning,) = answer.json()["warnings"]
    assert "Kamailio has not reloaded the credentials" in warning
    assert "alice" in control.subscribers.rows
    assert not control.desk.catch_up()
    control.kamailio.away = False
    assert control.desk.catch_up()
    assert control.kamailio.calls == [RELOAD]
    assert control.desk.catch_up()
    assert control.kamailio.calls == [RELOAD]


def test_a_reload_that_fails_is_a_warning(control: Control) -> None:
    control.kamailio.refused = {"htable.reload"}
    answer = control.http.post("/api/v1/subscribers", json={"username": "alice"})
    assert "500 Htable reload failed" in answer.json()["warnings"][0]


def test_a_node_that_is_away_is_told_later(control: Control) -> None:
    control.asterisks.away = {"10.5.0.11"}
    answer = control.http.post("/api/v1/subscribers", json={"username": "1001"})
    (warning,) = answer.json()["warnings"]
    assert warning.startswith("asterisk_2 did not reload its mailboxes")
    control.asterisks.away = set()
    assert control.desk.catch_up()
    told = [address for address, _, _ in control.asterisks.reloads]
    assert told == ["10.5.0.10", "10.5.0.11"]


def test_mailboxes_that_stay_the_same_are_not_reloaded(control: Control) -> None:
    control.http.post("/api/v1/subscribers", json={"username": "1001"})
    before = len(control.asterisks.reloads)
    control.http.post("/api/v1/subscribers", json={"username": "alice"})
    assert len(control.asterisks.reloads) == before


def test_mailboxes_that_cannot_be_written_are_a_warning(control: Control) -> None:
    (control.pbx / "mailboxes.conf").mkdir()
    answer = control.http.post("/api/v1/subscribers", json={"username": "1001"})
    assert answer.status_code == 201
    assert "the mailboxes were not written" in answer.json()["warnings"][0]


def test_without_the_database_nothing_is_changed(control: Control) -> None:
    control.database.away = True
    for answer in (
        control.http.post("/api/v1/subscribers", json={"username": "1001"}),
        control.http.get("/api/v1/subscribers"),
        control.http.delete("/api/v1/subscribers/1001"),
        control.http.post("/api/v1/subscribers/import", json=[{"username": "1001"}]),
    ):
        assert answer.status_code == 503
        assert answer.json() == {
            "error": "MariaDB at 10.5.0.3:3306: refused",
            "remedy": "see `docker ps`",
        }
    assert not control.kamailio.calls


def test_a_subscriber_is_of_one_group_or_of_none(control: Control) -> None:
    def group_of_alice() -> object:
        return control.http.get("/api/v1/subscribers").json()[0]["group"]

    path = "/api/v1/subscribers/alice/group"
    assert control.http.put(path, json={"group": "app"}).status_code == 404
    control.http.post("/api/v1/subscribers", json={"username": "alice", "group": "app"})
    assert group_of_alice() == "app"
    control.kamailio.calls.clear()
    assert control.http.put(path, json={"group": None}).status_code == 200
    assert group_of_alice() is None
    assert RELOAD in control.kamailio.calls
    assert control.http.put(path, json={"group": "App users"}).status_code == 422
    assert control.http.put(path, json={}).status_code == 422


def test_a_locked_out_user_is_shown_and_let_in(control: Control) -> None:
    for name in ("1001", "1002"):
        control.http.post("/api/v1/subscribers", json={"username": name})
    control.kamailio.locked_out = ["1001@sip.example.com", "-"]
    listed = control.http.get("/api/v1/subscribers").json()
    assert [each["locked_out"] for each in listed] == [True, False]
    control.kamailio.calls.clear()
    control.kamailio.refused = {"htable.delete"}
    assert control.http.delete("/api/v1/subscribers/1001/lockout").status_code == 200
    assert ["htable.delete", "lockouts", "1001@sip.example.com"] in control.kamailio.calls
    assert control.http.delete("/api/v1/subscribers/1003/lockout").status_code == 404
    control.kamailio.away = True
    assert control.http.delete("/api/v1/subscribers/1001/lockout").status_code == 503
    assert control.http.get("/api/v1/subscribers").json()[0]["locked_out"] is None
