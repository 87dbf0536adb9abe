from __future__ import annotations

from .conftest import Control


def test_everything_up(control: Control) -> None:
    control.kamailio.registered = ["1001@sip.example.com"]
    assert control.http.get("/api/v1/status").json() == {
        "nodes": [
            {"name": "asterisk_1", "address": "10.5.0.10", "state": "up"},
            {"name": "asterisk_2", "address": "10.5.0.11", "state": "down"},
        ],
        "registrations": 1,
        "calls": 4,
        "database": "up",
        "kamailio": "up",
        "media": "up",
    }


def test_everything_down_is_no_error(control: Control) -> None:
    control.kamailio.away = control.database.away = True
    control.media = False
    answer = control.http.get("/api/v1/status")
    assert answer.status_code == 200
    body = answer.json()
    assert {node["state"] for node in body["nodes"]} == {"unknown"}
    assert body["registrations"] is body["calls"] is None
    assert body["database"] == body["kamailio"] == body["media"] == "down"


def test_a_part_of_kamailio_that_does_not_answer_is_unknown(control: Control) -> None:
    control.kamailio.refused = {"stats.fetchn"}
    body = control.http.get("/api/v1/status").json()
    assert body["registrations"] is None
    assert body["kamailio"] == "up"
    assert body["nodes"][0]["state"] == "up"


def test_a_node_that_kamailio_does_not_know_is_unknown(control: Control) -> None:
    control.kamailio.flags = {"asterisk_1": "AX", "somebody_else": "AP"}
    nodes = control.http.get("/api/v1/status").json()["nodes"]
    assert [node["state"] for node in nodes] == ["unknown", "unknown"]
