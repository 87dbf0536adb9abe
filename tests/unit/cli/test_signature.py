from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ringwall.cli.signature import signature_app
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput
from ringwall.security import signature_keys

GIVEN = "a key of the operator's".replace(" ", "-")


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    (tmp_path / "ringwall.yaml").write_text("security: {signature: {mode: hmac}}\n")
    made = Workspace(tmp_path)
    (made.secrets / "kamailio").mkdir(parents=True)
    return made


def run(place: Workspace, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(signature_app, arguments, input=stdin, obj=place)


def test_a_made_key_is_shown_and_handed_over(place: Workspace) -> None:
    said = run(place, "rotate")
    key = signature_keys.read(place.secrets).good[0].key
    assert f"Key: {key}" in said.stdout
    assert said.stderr == ""
    assert key.encode().hex() in (place.secrets / "kamailio/signature").read_text()


def test_a_given_key_is_not_repeated(place: Workspace) -> None:
    said = run(place, "rotate", "--key-stdin", stdin=f"{GIVEN}\n")
    assert said.exit_code == 0
    assert GIVEN not in said.output
    assert signature_keys.read(place.secrets).good[0].key == GIVEN


def test_the_list_holds_keys_only_where_they_are_asked_for(place: Workspace) -> None:
    assert "rotate" in run(place, "keys").stderr
    run(place, "rotate", "--key-stdin", stdin=f"{GIVEN}\n")
    assert "k1" in run(place, "keys").stdout
    assert GIVEN not in run(place, "keys").output
    assert GIVEN in run(place, "keys", "--show").stdout
    assert set(json.loads(run(place, "keys", "--json").stdout)[0]) == {"kid", "since"}


def test_a_retired_key_is_taken_away(place: Workspace) -> None:
    for _ in range(2):
        run(place, "rotate")
    assert run(place, "retire", "k1").stdout == "Retired k1; good is k2.\n"
    assert (place.secrets / "kamailio/signature").read_text().startswith("k2=")
    assert isinstance(run(place, "retire", "k1").exception, BadInput)


def test_no_key_on_standard_input(place: Workspace) -> None:
    assert isinstance(run(place, "rotate", "--key-stdin", stdin="\n").exception, BadInput)
    assert not signature_keys.read(place.secrets).good


def test_it_is_told_when_nobody_asks_for_one(place: Workspace) -> None:
    place.file.write_text("")
    assert "set security.signature.mode" in run(place, "rotate").stderr
    assert not (place.secrets / "kamailio/signature").exists()
