"""What is rendered is what the golden files hold, byte by byte."""

from __future__ import annotations

import os
from difflib import unified_diff
from pathlib import Path

import pytest
from tests.golden.cases import CASES, UPDATE, Case

NAMES = {"defaults", "own-pbx", "second-instance", "strict", "three-nodes"}


def test_all_cases_are_found() -> None:
    assert {case.path.stem for case in CASES} == NAMES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.stem)
def test_golden(case: Case, tmp_path: Path) -> None:
    text = case.text(case.rendered(tmp_path))
    if UPDATE in os.environ:
        case.path.write_text(text)
    golden = case.path.read_text()
    diff = unified_diff(golden.splitlines(), text.splitlines(), "golden", "rendered", lineterm="")
    assert text == golden, "\n".join(diff)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.stem)
def test_rendering_again_changes_nothing(case: Case, tmp_path: Path) -> None:
    assert case.rendered(tmp_path) == case.rendered(tmp_path)
