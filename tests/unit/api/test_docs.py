from __future__ import annotations

import re
from pathlib import Path

from ringwall.api.app import PREFIX

from .conftest import Control

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def test_the_page_names_every_request_and_status_and_no_other(control: Control) -> None:
    paths = control.http.get(f"{PREFIX}/openapi.json").json()["paths"]
    everywhere = {"401", "422", "503"}
    described = {
        (
            method.upper(),
            path.removeprefix(PREFIX),
            tuple(sorted(set(of["responses"]) - everywhere)),
        )
        for path, methods in paths.items()
        for method, of in methods.items()
    }
    rows = re.findall(r"^\| `([A-Z]+) (\S+)` \|.*\| ([\d, ]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert {(m, p, tuple(s.split(", "))) for m, p, s in rows} == described
