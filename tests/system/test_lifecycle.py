"""Up, down, twice at once, without ringwall: what is kept, what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.system.stack import NODES, names
from tests.system.test_calls import phones
from tests.system.test_pbx_pair import assert_message_heard, leave_message

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from tests.system.stack import Stack

_UNTOUCHED = ("kamailio_sbc", "rtpengine", "mariadb", "syslog")
_FIVE_MISTAKES = """\
sbc:
  public_address: 10.55.1.999
  domain: [sip.example.com]
pbx:
  probe: {interval: 5 parsecs}
  nodes:
    - {name: asterisk_1, address: 10.5.0.10}
    - {name: asterisk_1, address: 10.5.0.11}
instance:
  subnets: {sbc: 10.5.0.0/24, edge: 10.5.0.0/25}
"""


def test_up_again_changes_nothing(system: Stack) -> None:
    before = _started(system)
    said = system.up()
    assert "Nothing to do" in said.out
    assert _started(system) == before


def test_an_edit_touches_what_it_must(system: Stack) -> None:
    """The ring time is the dialplan's: edge, media and data go on running, and that is said."""
    file = system.workspace.file
    text = file.read_text()
    before = _started(system)
    try:
        file.write_text(text.replace("ring_time: 8s", "ring_time: 9s"))
        said = system.up()
        assert "asterisk_1" in said.out
        after = _started(system)
        changed = {name for name in before if before[name] != after[name]}
        assert {system.container(node) for node in NODES} <= changed
        assert not changed & {system.container(role) for role in _UNTOUCHED}
    finally:
        file.write_text(text)
        system.up()
    system.wait_well()


def test_down_and_up_keep_everything(system: Stack) -> None:
    """Subscribers and messages are there again; meanwhile a second up is refused."""
    absent = system.subscriber()
    with phones(system, "udp") as (alice,):
        leave_message(system, alice, absent.username)
    assert system.cli("down").status == 0
    assert not names(system.engine, "container")
    assert system.cli("status").status == 3
    assert system.cli("call").status == 3
    asked = system.cli("subscribers", "list")
    _up_twice_at_once(system)
    assert_message_heard(system, absent, alice, not_by=None)
    assert asked.status == 3, asked.err


def test_compose_alone_brings_it_up(system: Stack) -> None:
    """The rendered file is all that plain Compose needs: same project, same data."""
    account = system.subscriber()
    assert system.cli("down").status == 0
    _compose(system.workspace.rendered, "up", "-d")
    system.wait_well()
    with system.phone(account) as phone:
        phone.wait_registered()
    assert system.cli("call").status == 0
    assert "Nothing to do" in system.up().out


def test_five_mistakes_are_told_at_once(system: Stack, tmp_path: Path) -> None:
    before = _started(system)
    (tmp_path / "ringwall.yaml").write_text(_FIVE_MISTAKES)
    done = subprocess.run(
        [*system.command()[:-1], str(tmp_path), "check"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    said = done.stdout + done.stderr
    for line in (2, 3, 5, 8, 10):
        assert f"ringwall.yaml:{line}" in said, said
    assert _started(system) == before


def _up_twice_at_once(system: Stack) -> None:
    with subprocess.Popen(
        system.command("up"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as first:
        wait_until(lambda: bool(names(system.engine, "container")), 60, "the first up to start")
        second = system.cli("up")
        said, _ = first.communicate(timeout=300)
    assert first.returncode == 0, said
    assert second.status == 1
    assert "another command changes this system already" in second.err
    assert "Remedy: " in second.err


def _started(system: Stack) -> dict[str, str]:
    """When each container started."""
    template = "{{.Name}} {{.State.StartedAt}}"
    running = [name for name in names(system.engine, "container") if "_phone_" not in name]
    lines = system.engine.docker("inspect", "-f", template, *running).splitlines()
    return dict(line.lstrip("/").split() for line in lines)


def _compose(rendered: Path, *args: str) -> None:
    for command in (["docker-compose"], ["docker", "compose"]):
        try:
            subprocess.run([*command, "version"], check=True, capture_output=True, timeout=30)
        except (OSError, subprocess.CalledProcessError):
            continue
        subprocess.run([*command, *args], cwd=rendered, check=True, timeout=300)
        return
    pytest.fail("neither docker-compose nor docker compose")
