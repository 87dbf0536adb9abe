"""``status`` and ``down`` as a user sees them; ``up`` is proved on running systems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.runtime.fleet import Box, Fleet, Word
from typer.testing import CliRunner, Result

from ringwall.cli import system
from ringwall.cli.main import app
from ringwall.config.model import Settings
from ringwall.errors import NotRunning
from ringwall.render.containers import containers

ROLES = [one.role for one in containers(Settings())]
WELL = {
    "nodes": [{"name": "asterisk_1", "address": "10.5.0.10", "state": "up"}],
    "registrations": 3,
    "calls": 1,
    "database": "up",
    "kamailio": "up",
    "media": "up",
}


class Api:
    answer: dict[str, Any] | None = WELL

    def __init__(self, *_: object) -> None:
        pass

    def status(self) -> dict[str, Any]:
        if self.answer is None:
            raise NotRunning("nothing answers at http://127.0.0.1:8080")
        return self.answer


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    made = Fleet(boxes={role: Box("hash", ["healthy"]) for role in ROLES})
    monkeypatch.setattr(system, "Engine", lambda: made)
    monkeypatch.setattr(system, "ApiClient", Api)
    monkeypatch.setattr(Api, "answer", WELL)
    return made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "ringwall.yaml").touch()
    return tmp_path


def ringwall(place: Path, *args: str) -> Result:
    return CliRunner().invoke(app, ["-C", str(place), *args])


@pytest.mark.usefixtures("fleet")
def test_all_is_well(place: Path) -> None:
    shown = ringwall(place, "status")
    assert shown.exit_code == 0
    assert all(role in shown.output for role in ROLES)
    assert "registrations 3, calls 1; kamailio up, database up, media up" in shown.output


@pytest.mark.usefixtures("fleet")
def test_json_is_the_same_for_machines(place: Path) -> None:
    shown = ringwall(place, "status", "--json")
    assert shown.exit_code == 0
    report = json.loads(shown.output)
    assert [one["role"] for one in report["containers"]] == ROLES
    assert report["nodes"] == WELL["nodes"]


@pytest.mark.parametrize("word", ["starting", "unhealthy", "restarting", "exited"])
def test_one_container_that_is_not_well(place: Path, fleet: Fleet, word: Word) -> None:
    fleet.boxes["rtpengine"].words = [word]
    shown = ringwall(place, "status")
    assert shown.exit_code == 1
    assert word in shown.output


def test_one_that_is_missing(place: Path, fleet: Fleet) -> None:
    del fleet.boxes["control"]
    shown = ringwall(place, "status")
    assert shown.exit_code == 1
    assert "missing" in shown.output


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("part", ["database", "kamailio", "media"])
def test_one_part_that_is_down(place: Path, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Api, "answer", {**WELL, part: "down"})
    shown = ringwall(place, "status")
    assert shown.exit_code == 1
    assert f"{part} down" in shown.output


@pytest.mark.usefixtures("fleet")
def test_an_api_that_is_away_hides_no_container(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Api, "answer", None)
    shown = ringwall(place, "status")
    assert shown.exit_code == 1
    assert "kamailio_sbc" in shown.output
    assert "The API does not answer" in shown.output


def test_nothing_runs(place: Path, fleet: Fleet) -> None:
    fleet.boxes.clear()
    shown = ringwall(place, "status")
    assert shown.exit_code == 3
    assert "ringwall up" in shown.output


def test_nothing_was_ever_here(tmp_path: Path) -> None:
    assert ringwall(tmp_path, "status").exit_code == 3


def test_deleting_data_asks_first(place: Path) -> None:
    refused = ringwall(place, "down", "--volumes")
    assert refused.exit_code == 2
    assert "--yes" in refused.output


def test_down_where_nothing_is(place: Path) -> None:
    shown = ringwall(place, "down")
    assert shown.exit_code == 0
    assert "Nothing was ever started" in shown.output


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (7, "7 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90000, "1 d 1 h")],
)
def test_times_are_written_with_two_units(seconds: int | None, text: str) -> None:
    assert system._span(seconds) == text
