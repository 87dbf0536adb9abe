from __future__ import annotations

from pathlib import Path

import pytest

from ringwall.errors import RingwallError
from ringwall.security import files, tokens


def write(path: Path, *entries: tokens.Token) -> None:
    files.write(path, tokens.dump(list(entries)), 0o400)


def test_a_token_has_an_owner_and_others_have_none(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    write(path, tokens.Token("cli", tokens.digest("good")), tokens.Token("x", tokens.digest("y")))
    file = tokens.TokenFile(path)
    assert file.owner("good") == "cli"
    assert file.owner("y") == "x"
    assert file.owner("bad") is None
    assert file.owner("") is None
    assert file.owner(tokens.digest("good")) is None


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    write(path, tokens.Token("cli", tokens.digest("old")))
    file = tokens.TokenFile(path)
    assert file.owner("old") == "cli"
    write(path, tokens.Token("cli", tokens.digest("new")))
    assert file.owner("old") is None
    assert file.owner("new") == "cli"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"tokens": [1]}', '{"tokens": [{}]}', "{"])
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(content)
    with pytest.raises(RingwallError, match=r"tokens\.json: is damaged"):
        tokens.TokenFile(path).owner("x")


def test_a_missing_file_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    write(path, tokens.Token("cli", tokens.digest("good")))
    file = tokens.TokenFile(path)
    assert file.owner("good") == "cli"
    path.unlink()
    with pytest.raises(RingwallError, match="cannot be read"):
        file.owner("good")
