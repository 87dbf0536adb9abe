from __future__ import annotations

import hashlib
import json
import os
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from ringwall.config.addresses import Addresses
from ringwall.config.model import Instance, Settings, Subnets
from ringwall.errors import NotRunning, RingwallError
from ringwall.security import secrets, tokens

BASES = [
    "mariadb/kamailio_password",
    "mariadb/control_password",
    "control/ami_secret",
    "control/registrations_secret",
    "api_token",
    "test_account",
]
DERIVED = ["kamailio/db.cfg", "control/db_password", "control/tokens.json", "asterisk/ami.conf"]


@pytest.fixture
def addresses() -> Addresses:
    return Addresses(Settings())


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_everything_is_made_once(tmp_path: Path, addresses: Addresses) -> None:
    directory = tmp_path / "secrets"
    assert secrets.ensure(directory, addresses) == {*BASES, *DERIVED}
    first = contents(directory)
    assert set(first) == {*BASES, *DERIVED}
    assert secrets.ensure(directory, addresses) == frozenset()
    assert contents(directory) == first


def test_derived_files_follow_their_secret(tmp_path: Path, addresses: Addresses) -> None:
    secrets.ensure(tmp_path, addresses, owners=False)
    files = {name: data.decode() for name, data in contents(tmp_path).items()}
    password = files["mariadb/kamailio_password"]
    url = f"mysql://kamailio:{password}@10.5.0.3/kamailio"
    assert files["kamailio/db.cfg"] == f'#!define DB_URL "{url}"\n'
    assert files["control/db_password"] == files["mariadb/control_password"]
    assert files["asterisk/ami.conf"] == f"secret = {files['control/ami_secret']}\n"
    sha256 = hashlib.sha256(files["api_token"].encode()).hexdigest()
    assert json.loads(files["control/tokens.json"]) == {
        "tokens": [{"name": "cli", "sha256": sha256}]
    }
    assert secrets.api_token(tmp_path) == files["api_token"]
    account = secrets.test_account(tmp_path)
    assert account.username == "1000"
    assert account.password in files["test_account"]
    assert len({files[name] for name in BASES}) == len(BASES)


def test_another_address_rewrites_just_the_database_url(
    tmp_path: Path, addresses: Addresses
) -> None:
    secrets.ensure(tmp_path, addresses)
    moved = Settings(instance=Instance(subnets=Subnets(sbc=IPv4Network("10.9.0.0/24"))))
    assert secrets.ensure(tmp_path, Addresses(moved)) == {"kamailio/db.cfg"}
    assert b"@10.9.0.3/" in (tmp_path / "kamailio/db.cfg").read_bytes()


def test_a_lost_derived_file_comes_back(tmp_path: Path, addresses: Addresses) -> None:
    secrets.ensure(tmp_path, addresses)
    before = contents(tmp_path)
    for name in DERIVED:
        (tmp_path / name).unlink()
    assert secrets.ensure(tmp_path, addresses) == set(DERIVED)
    assert contents(tmp_path) == before


def test_other_tokens_are_kept(tmp_path: Path, addresses: Addresses) -> None:
    secrets.ensure(tmp_path, addresses)
    path = tmp_path / "control/tokens.json"
    mine = tokens.Token("pager", tokens.digest("x"))
    path.chmod(0o600)
    path.write_bytes(tokens.dump([*tokens.parse(path.read_bytes(), path), mine]))
    assert secrets.ensure(tmp_path, addresses) == frozenset()
    assert mine in tokens.parse(path.read_bytes(), path)


@pytest.mark.parametrize("name", [*BASES, "control/tokens.json"])
@pytest.mark.parametrize("content", [b"", b"\n", b"half", b"\xff\xfe not text"])
def test_a_damaged_secret_is_an_error_and_stays(
    tmp_path: Path, addresses: Addresses, name: str, content: bytes
) -> None:
    secrets.ensure(tmp_path, addresses, owners=False)
    path = tmp_path / name
    path.chmod(0o600)
    path.write_bytes(content)
    with pytest.raises(RingwallError, match=f"{name}: is (empty|damaged)") as caught:
        secrets.ensure(tmp_path, addresses, owners=False)
    assert "delete it" in (caught.value.remedy or "")
    assert path.read_bytes() == content


def test_an_editor_may_leave_a_newline(tmp_path: Path, addresses: Addresses) -> None:
    secrets.ensure(tmp_path, addresses, owners=False)
    path = tmp_path / "api_token"
    token = path.read_text()
    path.write_text(f"{token}\n")
    assert secrets.ensure(tmp_path, addresses, owners=False) == frozenset()
    assert secrets.api_token(tmp_path) == token


def test_a_secret_that_is_a_directory_is_an_error(tmp_path: Path, addresses: Addresses) -> None:
    (tmp_path / "mariadb" / "kamailio_password").mkdir(parents=True)
    with pytest.raises(RingwallError, match="kamailio_password: cannot be read"):
        secrets.ensure(tmp_path, addresses, owners=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_only_its_reader_can_read_a_secret(tmp_path: Path, addresses: Addresses) -> None:
    directory = tmp_path / "secrets"
    secrets.ensure(directory, addresses)
    (directory / "kamailio").chmod(0o777)
    (directory / "kamailio/db.cfg").chmod(0o666)
    secrets.ensure(directory, addresses)
    owners = {"kamailio": 2001, "asterisk": 2003, "mariadb": 2004, "control": 2006}
    for name in [*BASES, *DERIVED]:
        stat = (directory / name).stat()
        uid = owners.get(name.partition("/")[0], 0)
        mode = 0o400 if uid else 0o600
        assert (stat.st_uid, stat.st_gid, stat.st_mode & 0o777) == (uid, uid, mode), name
    for component, uid in owners.items():
        stat = (directory / component).stat()
        assert (stat.st_uid, stat.st_mode & 0o777) == (uid, 0o500)
    assert directory.stat().st_mode & 0o777 == 0o700


def test_before_the_first_start_there_is_no_token(tmp_path: Path) -> None:
    with pytest.raises(NotRunning) as caught:
        secrets.api_token(tmp_path)
    assert "./ringwall up" in (caught.value.remedy or "")
