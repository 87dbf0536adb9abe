"""Every golden is accepted by the program that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.golden.cases import CASES, Case

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.runtime import images, recipes, rendered
from ringwall.runtime.engine import Engine

_DB = '#!define DB_URL "mysql://kamailio:secret@10.5.0.3/kamailio"\n'

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.stem)


@pytest.fixture
def directory(case: Case, tmp_path: Path) -> Path:
    """A working directory's state, as `ringwall up` makes it: readable by the containers."""
    rendered.update(tmp_path / "rendered", case.rendered(tmp_path))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "db.cfg").write_text(_DB)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o005)
    return tmp_path


@each_case
def test_compose_accepts_it(case: Case, directory: Path) -> None:
    file = directory / "rendered" / "docker-compose.yml"
    services = Engine().compose(file, "golden", "config", "--services").split()
    assert {"kamailio_sbc", "rtpengine", "control", "mariadb", "syslog"} <= set(services)


@each_case
def test_kamailio_accepts_it(case: Case, directory: Path) -> None:
    settings = case.settings(directory)
    _check_kamailio(directory, "/etc/kamailio/kamailio.cfg")
    local = directory / "rendered" / "kamailio"
    assert str(Addresses(settings).kamailio_edge) in (local / "settings.cfg").read_text()


@pytest.mark.parametrize("case", [case for case in CASES if case.path.stem == "defaults"])
def test_kamailio_accepts_what_it_is_compared_with(case: Case, directory: Path) -> None:
    bare = recipes.STACK / "bench" / "bare.cfg"
    _check_kamailio(directory, "/etc/kamailio/bare.cfg", "-v", f"{bare}:/etc/kamailio/bare.cfg:ro")


def _check_kamailio(directory: Path, file: str, *options: str) -> None:
    engine = Engine()
    images.ensure(Settings(), ["kamailio"], print, engine)
    engine.run(
        images.image_tag("kamailio", Settings()),
        "kamailio", "-c", "-f", file,
        options=[
            "--network", "none", "--read-only", "--tmpfs", "/run/kamailio",
            "--entrypoint", "",
            "-v", f"{directory / 'rendered' / 'kamailio'}:/etc/kamailio/local:ro",
            "-v", f"{directory / 'secrets'}:/run/ringwall/secrets:ro",
            *options,
        ],
    )  # fmt: skip
