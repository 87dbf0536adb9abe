from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from ringwall.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

FIVE = """\
sbc:
  domain: [sip.example.com]
pbx:
  ring_time: 30
  nodes:
    - {name: a, address: 192.168.1.1}
    - {name: a, address: 192.168.1.2}
instance:
  subnets:
    edge: 10.5.0.0/24
  ports: {tls: 5060}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(text: str, root: Path, *arguments: str) -> Result:
    (root / "ringwall.yaml").write_text(text)
    return CliRunner().invoke(app, ["check", *arguments])


def test_a_good_file_is_summed_up_on_one_line(root: Path) -> None:
    result = check("sbc: {domains: [sip.example.org]}\n", root)
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    for fact in ("sip.example.org", "asterisk_1 (10.5.0.10)", "5060", "5061", "30000-30199"):
        assert fact in result.stdout


def test_five_mistakes_are_five_lines(root: Path) -> None:
    result = check(FIVE, root)
    assert result.exit_code == 2
    assert result.stdout == ""
    places = [line.split(": ")[:2] for line in result.stderr.splitlines()]
    assert places == [
        ["ringwall.yaml:2", "sbc.domain"],
        ["ringwall.yaml:4", "pbx.ring_time"],
        ["ringwall.yaml:7", "pbx.nodes[1].name"],
        ["ringwall.yaml:10", "instance.subnets.edge"],
        ["ringwall.yaml:11", "instance.ports.tls"],
    ]


def test_the_same_for_machines(root: Path) -> None:
    result = check(FIVE, root, "--json")
    assert result.exit_code == 2
    report = json.loads(result.stdout)
    assert report["ok"] is False
    assert len(report["errors"]) == 5
    assert report["errors"][0] == {
        "file": "ringwall.yaml",
        "line": 2,
        "path": "sbc.domain",
        "message": "is no setting",
        "remedy": "did you mean domains?",
    }


def test_a_good_file_for_machines(root: Path) -> None:
    assert json.loads(check("", root, "--json").stdout) == {"ok": True, "errors": []}


def test_without_a_file_it_says_how_to_get_one(root: Path) -> None:
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 2
    assert "ringwall init" in result.stderr
