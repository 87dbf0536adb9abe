from __future__ import annotations

from pathlib import Path

import pytest

from ringwall.config import source
from ringwall.config.errors import ConfigErrors
from ringwall.config.model import Settings
from ringwall.config.signature_model import Signature
from ringwall.render.signature import defines


def read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "ringwall.yaml"
    file.write_text(f"security:\n  signature: {text}\n")
    return source.load(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{mode: rsa}", ["ringwall.yaml:2", "security.signature.mode", "hmac"]),
        ("{mode: hmac, window: 4s}", ["ringwall.yaml:2", "window 4s", "from 5s to 1h"]),
        ("{mode: hmac, window: 2h}", ["window 2h", "from 5s to 1h"]),
        ("{mode: hmac, groups: [App]}", ["groups", "App"]),
        ("{mode: hmac, groups: ['a|b']}", ["groups"]),
        ("{groups: [app]}", ["mode is off", "remove groups"]),
        ("{mode: hmac, key: secret}", ["security.signature.key"]),
    ],
)
def test_mistakes_are_told_with_line_and_remedy(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(tmp_path, text)
    for word in words:
        assert word in str(caught.value)


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    assert defines(Signature()) == {}
    assert read(tmp_path, "{mode: off}").security.signature.mode == "off"


def test_what_kamailio_is_told(tmp_path: Path) -> None:
    settings = read(tmp_path, "{mode: hmac, window: 1m, groups: [app, desk-phones]}")
    assert defines(settings.security.signature) == {
        "WITH_SIGNATURE": "",
        "SIGNATURE_HMAC": "",
        "SIGNATURE_WINDOW": "60",
        "SIGNATURE_MEMORY": "121",
        "SIGNATURE_OF_GROUPS": "",
        "SIGNATURE_GROUPS": '"^(app|desk-phones)$"',
    }
    everyone = read(tmp_path, "{mode: static}").security.signature
    assert "SIGNATURE_OF_GROUPS" not in defines(everyone)
    assert "SIGNATURE_STATIC" in defines(everyone)
