from __future__ import annotations

from pathlib import Path

import pytest

from ringwall.config import source
from ringwall.config.errors import ConfigErrors
from ringwall.config.lockout_model import Lockout
from ringwall.render.lockout import defines


def read(tmp_path: Path, text: str) -> Lockout:
    file = tmp_path / "ringwall.yaml"
    file.write_text(f"security:\n  digest: {{lockout: {text}}}\n")
    return source.load(file).security.digest.lockout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{failures: 2}", ["ringwall.yaml:2", "security.digest.lockout.failures"]),
        ("{first_lock: 1h}", ["first_lock 1h", "longest_lock 15m"]),
        ("{longest_lock: 1d}", ["longest_lock 1d", "at most 12h"]),
        ("{within: 1d}", ["within 1d", "at most 12h"]),
        ("{for: 1m}", ["security.digest.lockout.for"]),
    ],
)
def test_mistakes_are_told_with_line_and_remedy(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(tmp_path, text)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["off", "'off'", "{enabled: false}"])
def test_it_may_be_off(tmp_path: Path, text: str) -> None:
    assert defines(read(tmp_path, text)) == {}


def test_what_kamailio_is_told(tmp_path: Path) -> None:
    assert defines(read(tmp_path, "{failures: 5, within: 2m, first_lock: 30s}")) == {
        "WITH_LOCKOUT": "",
        "LOCKOUT_FAILURES": "5",
        "LOCKOUT_WITHIN": "120",
        "FIRST_LOCK": "30",
        "LONGEST_LOCK": "900",
        "LOCKOUT_MEMORY": "1800",
    }
