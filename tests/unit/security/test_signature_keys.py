from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringwall.errors import BadInput, RingwallError
from ringwall.security import signature_keys
from ringwall.security.signature_keys import Keys

NOW = datetime(2030, 5, 17, 8, tzinfo=UTC)
GIVEN = '$var(keys);k1="x"=%s\\1'


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "kamailio").mkdir()
    return tmp_path


def handed_over(directory: Path) -> str:
    return (directory / "kamailio/signature").read_text()


def test_two_are_good_and_no_name_comes_again() -> None:
    keys = Keys().added(NOW).added(NOW, GIVEN)
    assert [one.kid for one in keys.good] == ["k1", "k2"]
    assert keys.good[1].key == GIVEN
    assert len(keys.good[0].key) == 43
    with pytest.raises(BadInput, match="no third") as caught:
        keys.added(NOW)
    assert "retire k1" in (caught.value.remedy or "")
    assert [one.kid for one in keys.retired("k2").added(NOW).good] == ["k1", "k3"]


def test_the_last_key_and_unknown_ones_are_not_retired() -> None:
    keys = Keys().added(NOW)
    with pytest.raises(BadInput, match="the only key"):
        keys.retired("k1")
    with pytest.raises(BadInput, match="no key k2"):
        keys.retired("k2")


@pytest.mark.parametrize("bad", ["", "short", "x" * 129, "with a space in it", "schlüssel" * 3])
def test_what_is_no_key(bad: str) -> None:
    with pytest.raises(BadInput, match="no key"):
        Keys().added(NOW, bad)


def test_a_key_is_not_added_twice() -> None:
    with pytest.raises(BadInput, match="good already"):
        Keys().added(NOW, GIVEN).added(NOW, GIVEN)


def test_they_are_kept_for_root_alone(directory: Path) -> None:
    assert signature_keys.read(directory) == Keys()
    keys = Keys().added(NOW).added(NOW, GIVEN)
    signature_keys.write(directory, keys)
    assert signature_keys.read(directory) == keys
    assert (directory / signature_keys.FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"good": [{"kid": "k1"}], "made": 1}'])
def test_a_damaged_file_is_told(directory: Path, damaged: str) -> None:
    (directory / signature_keys.FILE).write_text(damaged)
    with pytest.raises(RingwallError, match="is damaged"):
        signature_keys.read(directory)


def test_kamailio_gets_what_the_mode_needs(directory: Path) -> None:
    signature_keys.ensure(directory, "hmac", NOW)
    key = signature_keys.read(directory).good[0].key
    assert handed_over(directory) == f"k1={key.encode().hex()}"
    assert (directory / "kamailio/signature").stat().st_mode & 0o777 == 0o400
    signature_keys.ensure(directory, "static", NOW)
    assert handed_over(directory) == f"{hashlib.sha256(key.encode()).hexdigest()}=k1"
    signature_keys.write(directory, signature_keys.read(directory).added(NOW, GIVEN))
    signature_keys.hand_over(directory, "hmac")
    assert handed_over(directory) == f"k1={key.encode().hex()};k2={GIVEN.encode().hex()}"
    signature_keys.ensure(directory, "off", NOW)
    assert not (directory / "kamailio/signature").exists()
    assert len(signature_keys.read(directory).good) == 2


def test_nothing_is_made_where_nobody_asks(directory: Path) -> None:
    signature_keys.ensure(directory, "off", NOW)
    assert list(directory.iterdir()) == [directory / "kamailio"]


def test_a_key_may_be_made_before_the_first_start(tmp_path: Path) -> None:
    signature_keys.write(tmp_path / "secrets", Keys().added(NOW))
    signature_keys.hand_over(tmp_path / "secrets", "hmac")
    assert len(signature_keys.read(tmp_path / "secrets").good) == 1
