from __future__ import annotations

from pathlib import Path

import pytest

from ringwall.errors import RingwallError
from ringwall.runtime import rendered
from ringwall.runtime.rendered import Changes

FILES = {"docker-compose.yml": b"services: {}\n", "kamailio/settings.cfg": b"one\n"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / ".ringwall" / "rendered"
    rendered.update(path, FILES)
    return path


def test_the_first_time_everything_is_new(tmp_path: Path) -> None:
    changes = rendered.update(tmp_path / "rendered", FILES)
    assert changes == Changes(tuple(FILES), (), ())
    assert (tmp_path / "rendered/kamailio/settings.cfg").read_bytes() == b"one\n"
    assert (tmp_path / "rendered/kamailio/settings.cfg").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "rendered/kamailio").stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "rendered.new").exists()


def test_the_second_time_nothing_is(directory: Path) -> None:
    before = {path: path.stat().st_ino for path in directory.rglob("*")}
    assert not rendered.update(directory, FILES)
    assert {path: path.stat().st_ino for path in directory.rglob("*")} == before


def test_files_come_change_and_go_and_directories_stay(directory: Path) -> None:
    (directory / "kamailio/stale.cfg").write_text("")
    mounted = (directory / "kamailio").stat().st_ino
    changes = rendered.update(
        directory, {"kamailio/settings.cfg": b"two\n", "asterisk/globals.conf": b"\n"}
    )
    assert changes == Changes(
        added=("asterisk/globals.conf",),
        changed=("kamailio/settings.cfg",),
        removed=("docker-compose.yml", "kamailio/stale.cfg"),
    )
    assert (directory / "kamailio/settings.cfg").read_bytes() == b"two\n"
    assert not (directory / "kamailio/stale.cfg").exists()
    assert (directory / "kamailio").stat().st_ino == mounted


def test_a_full_disk_changes_nothing(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        del content
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(rendered, "_write", full)
    with pytest.raises(RingwallError, match="No space left") as refused:
        rendered.update(directory, {"kamailio/settings.cfg": b"two\n"})
    assert refused.value.remedy
    assert {path: (directory / path).read_bytes() for path in FILES} == FILES
    assert not directory.with_name("rendered.new").exists()


def test_what_an_interrupted_run_left_is_no_obstacle(directory: Path) -> None:
    leftover = directory.with_name("rendered.new")
    (leftover / "kamailio").mkdir(parents=True)
    (leftover / "kamailio/settings.cfg").write_text("half")
    assert rendered.update(directory, {**FILES, "kamailio/settings.cfg": b"two\n"}).changed
    assert not leftover.exists()
