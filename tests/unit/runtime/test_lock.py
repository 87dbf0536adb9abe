from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ringwall.errors import RingwallError
from ringwall.runtime import lock

_HOLD = """
import sys
from pathlib import Path
from ringwall.runtime import lock
with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    path = tmp_path / ".ringwall" / "lock"
    with lock.held(path):
        with pytest.raises(RingwallError, match=f"pid {os.getpid()}") as refused, lock.held(path):
            pass
        assert refused.value.exit_status == 1
        assert refused.value.remedy
    with lock.held(path):
        pass


def test_a_killed_holder_leaves_nothing_to_clear(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RingwallError, match=f"pid {holder.pid}"), lock.held(path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        with lock.held(path):
            assert path.read_text() == f"{os.getpid()}\n"


def test_no_directory_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RingwallError, match="cannot be written"), lock.held(tmp_path / "file/lock"):
        pass
