from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ringwall.cli import cdrs
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput, RingwallError

CALL: dict[str, Any] = {
    "correlation_id": "first", "call_ids": ["first", "b-leg"], "caller": "1001",
    "dialled": "1002", "result": "answered", "sip_code": 200, "reason": "", "duration_ms": 65_250,
    "invited_at": "2030-05-17T08:00:00.250Z", "answered_at": "2030-05-17T08:00:02.000Z",
    "pbx_node": "asterisk_1", "hangup_by": "caller", "mos_average": 4.27, "srtp": True,
    "trunk": None,
}  # fmt: skip
REFUSED = CALL | {
    "caller": "\x1b[31m", "result": "refused", "sip_code": 403, "reason": "limit-calls",
    "answered_at": None, "duration_ms": 0, "pbx_node": "", "hangup_by": "", "mos_average": None,
}  # fmt: skip


class FakeApi:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.chunks: list[bytes] = [b"head\n", b"1\n"]
        self.breaks = False

    def cdrs(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        self.asked.append(dict(wanted))
        return [CALL, REFUSED]

    def cdr(self, call_id: str) -> dict[str, Any]:
        if call_id != "first":
            raise BadInput("no call is on record")
        return CALL | {"legs": [{"call_id": "first"}, {"call_id": "b-leg", "target": "\x1b"}]}

    @contextmanager
    def export_cdrs(self, wanted: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        self.asked.append(dict(wanted))
        yield self._chunks()

    def _chunks(self) -> Iterator[bytes]:
        yield from self.chunks
        if self.breaks:
            raise RingwallError("the export broke off")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    made = FakeApi()
    monkeypatch.setattr(cdrs, "client", lambda _context: made)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cdrs.cdrs_app, arguments, obj=Workspace(Path()))


def test_list_is_a_table(api: FakeApi) -> None:
    result = run("list")
    assert result.exit_code == 0
    head, call, refused = result.stdout.splitlines()
    assert head.split()[:3] == ["time", "(UTC)", "caller"]
    assert call.split() == [
        "2030-05-17", "08:00:00", "1001", "1002", "answered", "200", "1:05", "asterisk_1",
        "caller", "4.3",
    ]  # fmt: skip
    assert "403 limit-calls" in refused
    assert "\\x1b[31m" in refused
    assert api.asked == [{"limit": "50"}]


def test_filters_go_to_the_api(api: FakeApi) -> None:
    filters = {
        "since": "2h", "until": "2030-05-17T08:00:00+02:00", "user": "1001", "number": "4930*",
        "node": "asterisk_1", "result": "busy",
    }  # fmt: skip
    options = [part for name, value in filters.items() for part in (f"--{name}", value)]
    assert run("list", *options, "--limit", "2").exit_code == 0
    assert run("export", *options, "--format", "jsonl").exit_code == 0
    assert api.asked == [filters | {"limit": "2"}, filters | {"format": "jsonl"}]


def test_list_says_that_there_may_be_more(api: FakeApi) -> None:
    assert "the last 2" in run("list", "--limit", "2").stderr
    assert run("list", "--limit", "3").stderr == ""


@pytest.mark.parametrize("wrong", [("--limit", "1001"), ("--limit", "0"), ("--result", "good")])
def test_options_that_cannot_be_right(api: FakeApi, wrong: tuple[str, str]) -> None:
    assert run("list", *wrong).exit_code == 2
    assert api.asked == []


def test_show(api: FakeApi) -> None:
    lines = run("show", "first").stdout.splitlines()
    assert "  call_ids        first, b-leg" in lines
    assert "  srtp            yes" in lines
    assert not any("trunk" in line for line in lines)
    assert lines[-3:] == ["Leg 2", "  call_id  b-leg", "  target   \\x1b"]


def test_json(api: FakeApi) -> None:
    assert json.loads(run("list", "--json").stdout) == [CALL, REFUSED]
    assert len(json.loads(run("show", "first", "--json").stdout)["legs"]) == 2


def test_export_to_the_screen(api: FakeApi) -> None:
    assert run("export").stdout == "head\n1\n"
    assert api.asked == [{"format": "csv"}]


def test_export_to_a_file_that_is_nobody_elses(api: FakeApi, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert run("export", "--out", str(out)).exit_code == 0
    assert out.read_text() == "head\n1\n"
    assert out.stat().st_mode & 0o777 == 0o600


def test_an_export_that_breaks_off_leaves_no_file(api: FakeApi, tmp_path: Path) -> None:
    api.breaks = True
    result = run("export", "--out", str(tmp_path / "out.csv"))
    assert isinstance(result.exception, RingwallError)
    assert list(tmp_path.iterdir()) == []


def test_an_old_export_is_not_overwritten(api: FakeApi, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old")
    result = run("export", "--out", str(out))
    assert isinstance(result.exception, BadInput)
    assert out.read_text() == "old"
    assert api.asked == []
