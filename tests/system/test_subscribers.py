"""Subscribers from the command line to a phone that registers."""

from __future__ import annotations

import json
import secrets
from functools import partial
from pathlib import Path

import pytest
from tests.system.stack import NODES, Stack

from ringwall.checks.phone import Account, PhoneError, wait_until
from ringwall.errors import BadInput


def new_name() -> str:
    return str(500_000 + secrets.randbelow(400_000))


def registered(system: Stack, name: str) -> bool | None:
    listed = json.loads(system.cli("subscribers", "list", "--json").out)
    states = {each["username"]: each["registered"] for each in listed}
    return states.get(name)


def sql(system: Stack, query: str) -> str:
    container = system.container("mariadb")
    return system.engine.exec(container, "mariadb", "-N", "kamailio", "-e", query, user="root")


def sha256(system: Stack, name: str) -> str:
    """What Kamailio gets to see."""
    where = f"key_name LIKE '{name}@%'"
    return sql(system, f"SELECT ha1_sha256 FROM credentials WHERE {where}").strip()  # noqa: S608


def locations(system: Stack) -> str:
    return system.engine.exec(system.container("kamailio_sbc"), "kamcmd", "ul.dump", "brief")


def has_mailbox(system: Stack, node: str, name: str) -> bool:
    return name in system.asterisk(node, "voicemail show users")


def test_from_add_to_remove(system: Stack) -> None:
    name = new_name()
    said = system.cli("subscribers", "add", name, "--json")
    assert said.status == 0, said.err
    made = json.loads(said.out)
    assert made["warnings"] == []
    assert made["domain"] == system.domain
    with system.phone(Account(name, made["password"])) as phone:
        phone.wait_registered()
        assert registered(system, name) is True
        assert name in locations(system)
        assert system.cli("subscribers", "remove", name, "--yes").status == 0
        assert registered(system, name) is None
        # Kamailio marks what was written back as deleted; its timer (10 s) takes it away.
        wait_until(lambda: name not in locations(system), 15, "the registration to be gone", 0.5)
    with system.phone(Account(name, made["password"])) as phone, pytest.raises(PhoneError):
        phone.wait_registered()


def test_the_old_password_is_good_no_more(system: Stack) -> None:
    name, password = new_name(), secrets.token_urlsafe(20)
    assert system.cli("subscribers", "add", name).status == 0
    said = system.cli("subscribers", "passwd", name, "--password-stdin", input=f"{password}\n")
    assert said.status == 0, said.err
    assert password not in said.out + said.err
    with system.phone(Account(name, password)) as phone:
        phone.wait_registered()
    said = system.cli("subscribers", "passwd", name)
    assert said.status == 0, said.err
    with system.phone(Account(name, password)) as phone, pytest.raises(PhoneError):
        phone.wait_registered()


def test_no_password_is_stored(system: Stack) -> None:
    name, password = new_name(), secrets.token_urlsafe(20)
    system.api.add_subscriber(name, password)
    where = f"username = '{name}'"
    stored = sql(system, f"SELECT password, ha1 FROM subscriber WHERE {where}")  # noqa: S608
    empty, ha1 = stored.rstrip("\n").split("\t")
    assert empty == ""
    assert len(ha1) == 32
    assert len(sha256(system, name)) == 64
    assert password not in "".join(map(system.logs, ("control", "mariadb", "kamailio_sbc")))


def test_a_digest_that_kamctl_left_behind_is_not_used(system: Stack) -> None:
    name = new_name()
    system.api.add_subscriber(name)
    sql(system, f"UPDATE subscriber SET ha1 = MD5('x') WHERE username = '{name}'")  # noqa: S608
    assert sha256(system, name) == ""
    system.api.set_password(name)
    assert len(sha256(system, name)) == 64


def test_a_number_has_a_mailbox_on_both_nodes(system: Stack) -> None:
    name = new_name()
    system.api.add_subscriber(name)
    for node in NODES:
        wait_until(partial(has_mailbox, system, node, name), 5, f"{node} to know the mailbox")


def test_nobody_inherits_messages(system: Stack) -> None:
    name, node = new_name(), system.addresses.container(NODES[0])
    box = f"/var/spool/asterisk/voicemail/default/{name}"
    system.api.add_subscriber(name)
    wait_until(partial(has_mailbox, system, NODES[0], name), 5, "the mailbox")
    system.engine.exec(node, "mkdir", "-p", f"{box}/INBOX")
    system.api.remove_subscriber(name)
    wait_until(lambda: not _exists(system, node, box), 25, "the messages to go", every=0.5)


def _exists(system: Stack, container: str, path: str) -> bool:
    return bool(
        path in system.engine.exec(container, "sh", "-c", 'ls -d "$1"* || true', "sh", path).split()
    )


def test_import_is_all_or_nothing(system: Stack, tmp_path: Path) -> None:
    names = [new_name() for _ in range(3)]
    file, out = tmp_path / "users.csv", tmp_path / "made.csv"
    file.write_text("username,password\n" + "".join(f"{name},\n" for name in names))
    said = system.cli("subscribers", "import", str(file), "--out", str(out))
    assert said.status == 0, said.err
    passwords = dict(line.split(",")[:2] for line in out.read_text().splitlines()[1:])
    assert sorted(passwords) == sorted(names)
    with system.phone(Account(names[0], passwords[names[0]])) as phone:
        phone.wait_registered()
    fresh = new_name()
    file.write_text(f"username,password\n{fresh},\n{names[0]},\n")
    said = system.cli("subscribers", "import", str(file))
    assert said.status == 2
    assert f"users.csv:3: a subscriber {names[0]} exists" in said.err
    assert registered(system, fresh) is None


def test_mistakes_have_exit_status_2(system: Stack) -> None:
    name = new_name()
    system.api.add_subscriber(name)
    for arguments in (
        ("add", name),
        ("add", "600"),
        ("add", "a b"),
        ("passwd", new_name()),
        ("remove", new_name(), "--yes"),
        ("remove", name),
        ("import", "/nonexistent.csv"),
    ):
        said = system.cli("subscribers", *arguments)
        assert said.status == 2, (arguments, said)
        assert said.err
        assert not said.out


def test_a_name_is_not_sql(system: Stack) -> None:
    before = system.api.subscribers()
    with pytest.raises(BadInput):
        system.api.remove_subscriber("x' OR '1'='1")
    assert system.api.subscribers() == before
