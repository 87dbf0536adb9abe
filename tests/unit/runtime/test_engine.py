"""The one place that calls docker: against a docker that says what a test wants."""

import os
import threading
import time
from pathlib import Path

import pytest

from ringwall.errors import RingwallError
from ringwall.runtime.engine import CommandFailed, Engine

STATE = """[{"Name": "/kamailio_sbc", "Config": {"Image": "ringwall/kamailio:1"}, "RestartCount": 2,
 "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-11-23T01:00:00Z",
 "Health": {"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": "no answer\\n"}]}}}]"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a shell script in docker's place, and return where its body goes."""
    script = tmp_path / "docker"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return script


def says(script: Path, body: str) -> None:
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)


def test_output_and_arguments(docker: Path) -> None:
    says(docker, 'printf "%s|" "$@"; cat')
    assert Engine().docker("run", "a b", "$x;", input="in") == "run|a b|$x;|in"


def test_failure_carries_dockers_own_words(docker: Path) -> None:
    says(docker, "echo out; echo 'Error: No such thing: x' >&2; exit 5")
    with pytest.raises(CommandFailed, match=r"(?s)docker rm x failed \(exit status 5\).*No such"):
        Engine().docker("rm", "x")


def test_no_engine_names_the_remedy(docker: Path) -> None:
    says(docker, "echo 'Cannot connect to the Docker daemon at unix:///x' >&2; exit 1")
    engine = Engine()
    with pytest.raises(RingwallError, match="engine does not answer") as raised:
        engine.image_exists("x")
    assert raised.value.remedy


def test_docker_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RingwallError, match="not installed") as raised:
        Engine().docker("ps")
    assert raised.value.remedy


def test_timeout(docker: Path) -> None:
    says(docker, "exec sleep 20")
    with pytest.raises(CommandFailed, match=r"within 0\.1 s"):
        Engine().docker("ps", timeout=0.1)


def test_state_of_a_container(docker: Path) -> None:
    says(docker, f"cat <<'END'\n{STATE}\nEND")
    state = Engine().container_state("kamailio_sbc")
    assert state is not None
    assert (state.name, state.health, state.last_check) == (
        "kamailio_sbc",
        "unhealthy",
        "no answer",
    )
    assert state.running
    assert not state.healthy


@pytest.mark.parametrize("words", ["Error: No such object: x", "network x not found"])
def test_what_is_not_there(docker: Path, words: str) -> None:
    says(docker, f"echo '{words}' >&2; exit 1")
    engine = Engine()
    assert engine.container_state("x") is None
    assert not engine.image_exists("x")


def test_other_failures_of_inspect_are_not_absence(docker: Path) -> None:
    says(docker, "echo 'disk on fire' >&2; exit 1")
    with pytest.raises(CommandFailed, match="on fire"):
        Engine().container_state("x")


def test_inspect_all_tries_again_when_something_vanished(docker: Path, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    says(
        docker,
        f'[ "$2" = ls ] && echo a && exit\n[ -e {tries} ] && echo "[{{}}]" && exit\n'
        f"touch {tries}; echo 'No such network: a' >&2; exit 1",
    )
    assert Engine().inspect_all("network") == [{}]


def test_exec_and_run_put_options_before_the_name(docker: Path) -> None:
    says(docker, 'echo "$*"')
    engine = Engine()
    assert engine.exec("web", "ls", user="0") == "exec -u 0 web ls\n"
    assert engine.run("image", "ls", options=["--network", "n"]) == (
        "run --rm --network n image ls\n"
    )


@pytest.mark.parametrize("plugin", [True, False])
def test_compose_v2_else_v1(docker: Path, tmp_path: Path, plugin: bool) -> None:
    says(docker, f'[ "$2" = version ] && exit {0 if plugin else 1}; echo "v2 $*"')
    says(tmp_path / "docker-compose", 'echo "v1 $*"; pwd')
    folder = tmp_path / "rendered"
    folder.mkdir()
    words = Engine().compose(folder / "c.yml", "project", "ps")
    expected = "v2 compose -f" if plugin else "v1 -f"
    assert words.startswith(f"{expected} {folder}/c.yml -p project ps")
    assert plugin or words.endswith(f"{folder}\n")


def test_follow_hands_over_lines_without_colours() -> None:
    lines: list[str] = []
    Engine().follow(["printf", r"\033[91mone\033[0m\n\ntwo\n"], lines.append)
    assert lines == ["one", "two"]


def test_follow_keeps_the_end_of_what_failed() -> None:
    command = ["sh", "-c", "seq 100; exit 3"]
    with pytest.raises(CommandFailed) as raised:
        Engine().follow(command, lambda _: None)
    assert raised.value.output.split() == [str(n) for n in range(81, 101)]


def test_follow_gives_up_after_its_limit() -> None:
    started = time.monotonic()
    with pytest.raises(CommandFailed):
        Engine().follow(["sleep", "20"], lambda _: None, timeout=0.1)
    assert time.monotonic() - started < 10


def test_cancel_ends_what_runs_and_starts_nothing_more() -> None:
    engine = Engine()
    running = threading.Event()
    failed: list[Exception] = []

    def work() -> None:
        try:
            engine.follow(["sh", "-c", "echo up; exec sleep 20"], lambda _: running.set())
        except CommandFailed as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert running.wait(10)
    engine.cancel()
    thread.join(10)
    assert failed
    with pytest.raises(RingwallError, match="stopped"):
        engine.follow(["true"], lambda _: None)
