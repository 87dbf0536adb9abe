from __future__ import annotations

from pathlib import Path

import pytest

from ringwall.errors import RingwallError
from ringwall.security import files


def test_write_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a longer old content")
    files.write(path, b"new", 0o400)
    files.write(path, b"newer", 0o640)
    assert path.read_bytes() == b"newer"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_write_takes_away_what_an_earlier_crash_left(tmp_path: Path) -> None:
    (tmp_path / ".file.new").write_text("half")
    files.write(tmp_path / "file", b"whole", 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(RingwallError, match="inner: cannot be written") as caught:
        files.folder(tmp_path / "file" / "inner", 0o700)
    assert "disk" in (caught.value.remedy or "")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(RingwallError, match="No space left"):
        files.write(path, b"new", 0o600)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_stream_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with files.stream(path, 0o600) as file:
        file.write(b"one")
        file.write(b"two")
        assert not path.exists()
    assert path.read_bytes() == b"onetwo"


def test_a_stream_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def break_off() -> None:
        with files.stream(tmp_path / "file", 0o600) as file:
            file.write(b"one")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert list(tmp_path.iterdir()) == []
