"""./ringwall on machines that lack this or that: a clone of its own, tools that are stand-ins."""

import json
import shutil
import subprocess
import sys
import time
import venv
from dataclasses import dataclass, field
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[2] / "ringwall"
# What every Debian has; docker, apt-get and dpkg are what a test says they are.
TOOLS = (
    "awk cat chmod df dirname env flock kill mkdir mktemp mountpoint printf readlink rm setsid sh "
    "sha256sum sleep tail"
)
ENGINE = 'case "$1" in version) exit 0;; compose) exit 0;; esac'


@dataclass
class Machine:
    """A clone of the launcher, and the commands that its user would find."""

    clone: Path
    bin: Path
    environment: dict[str, str] = field(default_factory=dict)

    def has(self, name: str, body: str = "exit 0") -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.clone / "ringwall"), *args],
            env={"PATH": str(self.bin), "HOME": str(self.clone), **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


# Stands in for pip: notes what it is asked for, and fails where a test wants it to.
PIP = """\
import os, sys
if "install" in sys.argv:
    open("PIPLOG", "a").write(" ".join(sys.argv[1:]) + "\\n")
    sys.exit(os.environ.get("PIP_FAILS", 0))
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Make a clone whose every path outside is inside, and an environment with a pip to watch."""
    clone = tmp_path / "a clone"
    (clone / "requirements").mkdir(parents=True)
    (clone / "requirements" / "runtime.txt").write_text("# nothing\n")
    command = clone / "src" / "ringwall" / "cli" / "main.py"
    command.parent.mkdir(parents=True)
    command.write_text("import sys\ndef main(): print('ran', *sys.argv[1:]); sys.exit(7)\n")
    text = LAUNCHER.read_text().replace("/etc/docker", str(tmp_path / "docker"))
    for folder in ("/var/log/", "/var/run/"):
        text = text.replace(folder, f"{tmp_path}/")
    (clone / "ringwall").write_text(text)
    (clone / "ringwall").chmod(0o755)
    venv.create(clone / ".venv", symlinks=True)
    (site,) = clone.glob(".venv/lib/python*/site-packages")
    (site / "pip.py").write_text(PIP.replace("PIPLOG", str(tmp_path / "pip.log")))
    return clone


@pytest.fixture
def machine(clone: Path, tmp_path: Path) -> Machine:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS.split():
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    (folder / "python3").symlink_to(sys.executable)
    made = Machine(clone, folder)
    made.has("id", "echo 0")
    return made


def set_up(machine: Machine) -> None:
    first = machine.run("check")
    assert (first.returncode, first.stdout) == (7, "ran check\n"), first.stderr
    assert "installing Python packages" in first.stderr


def asked_of_pip(machine: Machine) -> list[str]:
    return (machine.clone.parent / "pip.log").read_text().splitlines()


def test_a_second_start_sets_up_nothing_and_is_quick(machine: Machine) -> None:
    set_up(machine)
    assert len(asked_of_pip(machine)) == 1
    assert "--require-hashes -r" in asked_of_pip(machine)[0]
    started = time.monotonic()
    done = machine.run("init", "--force")
    assert (done.returncode, done.stdout, done.stderr) == (7, "ran init --force\n", "")
    assert time.monotonic() - started < 2
    assert len(asked_of_pip(machine)) == 1


def test_what_needs_no_engine_asks_for_none(machine: Machine) -> None:
    set_up(machine)
    for line in (
        "init", "check", "--help", "--version", "up --help", "", "-C up check",
        "subscribers add up", "status",
    ):  # fmt: skip
        done = machine.run(*line.split())
        assert (done.returncode, done.stderr) == (7, "")
        assert done.stdout.split() == ["ran", *line.split()]


def test_what_needs_one_gets_it(machine: Machine) -> None:
    machine.has("docker", ENGINE)
    for line in ("up", "test -k x", "-C x up"):
        assert machine.run(*line.split()).stdout.split() == ["ran", *line.split()]
    machine.has("docker", "exit 1")
    machine.has("id", "echo 1000")
    refused(machine.run("-C", "x", "up"), "root")


def test_arguments_arrive_as_they_were_typed(machine: Machine) -> None:
    assert machine.run("call", "a  b", "$x", "*").stdout == "ran call a  b $x *\n"


def refused(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    assert words in done.stderr
    assert "remedy: " in done.stderr


def test_no_docker_and_no_debian(machine: Machine) -> None:
    refused(machine.run("up"), "this is no Debian")


def debian(machine: Machine, architecture: str = "amd64") -> None:
    machine.has("dpkg", f"echo {architecture}")
    machine.has("apt-cache", "exit 1")
    machine.has("apt-get", "echo 'E: no network'; exit 100")
    machine.has("df", "echo; echo x x x 99999")


def test_another_architecture(machine: Machine) -> None:
    debian(machine, "arm64")
    refused(machine.run("up"), "arm64")


def test_apt_that_fails(machine: Machine) -> None:
    debian(machine)
    done = machine.run("up")
    refused(done, "could not install docker.io docker-compose")
    assert "E: no network" in done.stderr


def test_no_disk(machine: Machine) -> None:
    debian(machine)
    machine.has("df", "echo; echo x x x 4000")
    refused(machine.run("up"), "4000 MiB free")


def test_debian_13_has_the_client_apart(machine: Machine) -> None:
    debian(machine)
    machine.has("apt-cache")
    assert "docker.io docker-compose docker-cli" in machine.run("up").stderr


def test_an_engine_that_does_not_start(machine: Machine) -> None:
    machine.has("docker", "exit 1")
    machine.has("systemctl", "exit 1")
    machine.has("mountpoint")
    machine.has("setsid", "exit 1")
    machine.has("dockerd")
    refused(machine.run("up"), "Docker")


def test_a_client_without_an_engine(machine: Machine) -> None:
    debian(machine)
    machine.has("docker", "exit 1")
    assert "installing docker.io" in machine.run("up").stderr
    machine.environment["DOCKER_HOST"] = "tcp://192.0.2.1:2376"
    refused(machine.run("up"), "DOCKER_HOST=tcp://192.0.2.1:2376")


def test_compose_is_added_where_it_is_missing(machine: Machine) -> None:
    debian(machine)
    machine.has("docker", '[ "$1" = version ]')
    machine.has("apt-get", f"[ $1 = update ] || ln -sf /bin/true {machine.bin}/docker-compose")
    (machine.bin / "ln").symlink_to("/bin/ln")
    done = machine.run("up")
    assert done.stdout == "ran up\n"
    assert "installing docker-compose" in done.stderr


def test_a_changed_lock_file_is_installed_and_a_failure_made_good(machine: Machine) -> None:
    set_up(machine)
    (machine.clone / "requirements" / "runtime.txt").write_text("# changed\n")
    machine.environment["PIP_FAILS"] = "1"
    refused(machine.run("check"), "pip could not install")
    assert not (machine.clone / ".venv" / "ringwall.stamp").exists()
    machine.environment.clear()
    assert machine.run("check").returncode == 7
    assert len(asked_of_pip(machine)) == 3


def test_a_clone_that_was_moved_is_set_up_again(machine: Machine) -> None:
    set_up(machine)
    machine.clone = machine.clone.rename(machine.clone.with_name("moved"))
    set_up(machine)
    assert machine.run("check").stdout == "ran check\n"


def test_wheels_from_a_folder(machine: Machine, tmp_path: Path) -> None:
    machine.environment["RINGWALL_WHEELS"] = str(tmp_path)
    set_up(machine)
    assert f"--no-index --find-links {tmp_path}" in asked_of_pip(machine)[0]


def test_wheels_that_are_nowhere(machine: Machine) -> None:
    machine.environment["RINGWALL_WHEELS"] = "/nowhere"
    refused(machine.run("check"), "RINGWALL_WHEELS=/nowhere")


def test_docker_is_told_to_do_without_its_proxy_and_only_once(machine: Machine) -> None:
    config = machine.clone.parent / "docker" / "daemon.json"
    debian(machine)
    machine.run("up")
    assert not config.exists()  # a failure leaves nothing behind
    machine.has("apt-get", f"[ $1 = update ] || ln -sf {shutil.which('true')} {machine.bin}/docker")
    (machine.bin / "ln").symlink_to("/bin/ln")
    assert machine.run("up").stdout == "ran up\n"
    assert json.loads(config.read_text()) == {"userland-proxy": False}
    config.write_text("{}")
    (machine.bin / "docker").unlink()
    assert machine.run("up").stdout == "ran up\n"
    assert config.read_text() == "{}"
