from __future__ import annotations

import json
from pathlib import Path

import pytest

from ringwall.telemetry.rejects import FILE_NAME, Rejects


def test_a_line_is_kept_with_the_reason(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path)
    rejects.add(b'\xff{"a":1}\r', "kind: is missing")
    note = json.loads((tmp_path / FILE_NAME).read_text())
    assert note["why"] == "kind: is missing"
    assert note["line"] == '\\xff{"a":1}\r'
    assert rejects.count == 1


def test_the_files_stay_small(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path, max_bytes=20_000)
    for _ in range(100):
        rejects.add(b"x" * 10_000, "too long")
    assert rejects.count == 100
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 30_000


def test_many_are_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rejects = Rejects(tmp_path)
    for _ in range(5):
        rejects.add(b"x", "is no event")
    assert len(caplog.records) == 1


def test_where_it_cannot_be_kept_the_log_has_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Rejects(tmp_path / "missing").add(b"the line", "is no event")
    assert "the line" in caplog.text
