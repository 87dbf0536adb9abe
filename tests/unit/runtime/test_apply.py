"""``up`` and ``down`` against an engine that does as it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.runtime.fleet import Box, Fleet, Word

from ringwall.config.workspace import Workspace
from ringwall.errors import RingwallError
from ringwall.runtime import apply, facts, images, preflight, starting
from ringwall.runtime.apply import Applied

Up = Callable[..., Applied]
FIRST = ("rtpengine", "asterisk_1", "asterisk_2", "mariadb", "syslog")
EVERYTHING = {*FIRST, "control", "kamailio_sbc", "fail2ban"}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    (tmp_path / "ringwall.yaml").write_text("sbc: {public_address: 192.0.2.10}\n")
    return Workspace(tmp_path)


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    made = Fleet()
    monkeypatch.setattr(apply, "Engine", lambda: made)
    monkeypatch.setattr(preflight, "check", lambda *_: None)
    monkeypatch.setattr(images, "ensure", lambda *_: None)
    monkeypatch.setattr(facts, "image_tag", lambda component, _: f"ringwall/{component}:1")
    monkeypatch.setattr(starting, "_POLL", 0.001)
    monkeypatch.setattr(apply, "_POLL", 0.001)
    return made


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def up(place: Workspace, fleet: Fleet, said: list[str]) -> Up:
    def run() -> Applied:
        said.clear()
        fleet.asked.clear()
        return apply.up(place, place.load_settings(), said.append)

    return run


def edit(place: Workspace, text: str) -> None:
    place.file.write_text(f"sbc: {{public_address: 192.0.2.10}}\n{text}\n")


def test_the_first_time_all_start_in_order(up: Up, fleet: Fleet, said: list[str]) -> None:
    applied = up()
    assert applied.changed
    assert applied.failed == ()
    assert fleet.started == [FIRST, ("control",), ("kamailio_sbc", "fail2ban")]
    assert any(line.startswith("containers to make: ") for line in said)
    assert any(line.split()[:2] == ["kamailio_sbc", "healthy"] for line in said)


def test_the_second_time_there_is_nothing_to_do(up: Up, fleet: Fleet, said: list[str]) -> None:
    up()
    applied = up()
    assert not applied.changed
    assert fleet.started == []
    assert said == []


def test_an_edit_makes_anew_what_reads_it(up: Up, place: Workspace, said: list[str]) -> None:
    up()
    edit(place, "pbx: {ring_time: 45s}")
    assert up().changed
    assert "changed files: asterisk/globals.conf, control/settings.json, docker-compose.yml" in said
    assert "containers to make anew: asterisk_1, asterisk_2, control" in said


def test_the_first_signing_key_is_made_and_told_of(
    up: Up, place: Workspace, fleet: Fleet, said: list[str]
) -> None:
    up()
    edit(place, "security: {signature: {mode: hmac}}")
    up()
    assert any("signature keys --show" in line for line in said)
    assert (place.secrets / "kamailio/signature").read_text().startswith("k1=")
    assert "restart" not in str(fleet.asked)
    assert not up().changed
    assert said == []


def test_a_node_that_is_gone_is_removed(up: Up, place: Workspace, fleet: Fleet) -> None:
    up()
    edit(place, "pbx: {nodes: [{name: asterisk_1, address: 10.5.0.10}]}")
    up()
    assert fleet.boxes.keys() == EVERYTHING - {"asterisk_2"}


def test_a_stopped_container_is_started(up: Up, fleet: Fleet, said: list[str]) -> None:
    up()
    fleet.boxes["control"].words = ["exited"]
    assert up().changed
    assert "containers to start: control" in said
    assert fleet.boxes["control"].words == ["healthy"]


def test_ctrl_c_in_the_middle_and_up_again(up: Up, fleet: Fleet) -> None:
    def interrupt() -> None:
        fleet.on_up = lambda: None
        raise KeyboardInterrupt

    fleet.on_up = interrupt
    with pytest.raises(KeyboardInterrupt):
        up()
    assert up().changed
    assert fleet.boxes.keys() == EVERYTHING


def test_docker_may_still_be_busy_with_what_was_interrupted(
    up: Up, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    up()
    fleet.boxes["rtpengine"].words = ["created"]
    answers: list[RingwallError | None] = [RingwallError("a port is taken"), None]

    def check(*_: object) -> None:
        if answer := answers.pop(0):
            raise answer

    monkeypatch.setattr(preflight, "check", check)
    assert up().changed
    assert answers == []


def test_a_machine_that_lacks_something_starts_nothing(
    up: Up, fleet: Fleet, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(*_: object) -> None:
        raise RingwallError("a port is taken")

    monkeypatch.setattr(preflight, "check", check)
    with pytest.raises(RingwallError, match="a port is taken"):
        up()
    assert fleet.started == []
    assert not place.rendered.exists()


@pytest.mark.parametrize(
    ("ways", "reason"),
    [
        (["starting", "restarting", "restarting", "restarting"], "keeps ending"),
        (["starting", "exited"], "is exited"),
        (["starting", "unhealthy"], "does not do its work"),
        (["starting"], "was not ready within"),
    ],
)
def test_a_database_that_does_not_come_up(
    up: Up, fleet: Fleet, ways: list[Word], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "_UNHEALTHY", 0.01)
    monkeypatch.setattr(starting, "LIMIT", 0.1 if ways == ["starting"] else 60.0)
    fleet.ways["mariadb"] = ways
    with pytest.raises(RingwallError, match=reason) as failed:
        up()
    assert "the last words of mariadb" in str(failed.value)
    assert "docker logs mariadb" in str(failed.value.remedy)
    assert fleet.started == [FIRST]


def test_a_pbx_that_does_not_start_fails_nothing(up: Up, fleet: Fleet, said: list[str]) -> None:
    fleet.ways["asterisk_2"] = ["starting", "restarting", "restarting", "restarting"]
    applied = up()
    assert applied.failed == ("asterisk_2",)
    assert any("asterisk_2 keeps ending" in line for line in said)


def test_what_kept_ending_gets_a_new_chance(up: Up, fleet: Fleet) -> None:
    up()
    crashing = fleet.boxes["asterisk_2"]
    fleet.boxes["asterisk_2"] = Box(crashing.config_hash, ["restarting"], restarts=9)
    assert up().failed == ()
    assert ("restart", "asterisk_2") in fleet.asked


def test_other_subnets_stop_everything_first(
    up: Up, place: Workspace, fleet: Fleet, said: list[str]
) -> None:
    up()
    edit(place, "instance: {subnets: {mgmt: 10.6.2.0/24}}")
    up()
    assert fleet.asked[0][0] == "down"
    assert "--volumes" not in fleet.asked[0]
    assert "the networks change: stopping all containers first" in said


def test_another_name_stops_the_old_instance(
    up: Up, place: Workspace, fleet: Fleet, said: list[str]
) -> None:
    up()
    edit(place, "instance: {name: other}")
    up()
    assert fleet.asked[0][0] == "down"
    assert any("was called ringwall" in line and "ringwall_*" in line for line in said)


def test_a_lost_secret_restarts_those_that_read_it(up: Up, place: Workspace, fleet: Fleet) -> None:
    up()
    (place.secrets / "control" / "ami_secret").unlink()
    assert up().changed
    assert ("restart", "asterisk_1", "asterisk_2", "control") in fleet.asked


def test_a_new_certificate_is_told_to_kamailio(up: Up, place: Workspace, fleet: Fleet) -> None:
    up()
    (place.certs / "edge" / "fullchain.pem").unlink()
    up()
    assert ("exec", "kamailio_sbc", "kamcmd", "tls.reload") in fleet.asked


def test_down_keeps_data_and_says_what_it_stops(
    up: Up, place: Workspace, fleet: Fleet, said: list[str]
) -> None:
    up()
    place.file.write_text("no: settings\n")
    assert apply.down(place, said.append)
    assert fleet.asked[-1] == ("down", "--remove-orphans")
    assert not apply.down(place, said.append)


def test_down_with_volumes(up: Up, place: Workspace, fleet: Fleet, said: list[str]) -> None:
    up()
    apply.down(place, said.append, volumes=True)
    assert fleet.asked[-1] == ("down", "--remove-orphans", "--volumes")


def test_down_where_nothing_ever_was(tmp_path: Path, said: list[str]) -> None:
    assert not apply.down(Workspace(tmp_path), said.append)
    assert list(tmp_path.iterdir()) == []
