"""Every golden is accepted by the program that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.golden.cases import CASES, Case

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.runtime import images, rendered
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
    engine = Engine()
    images.ensure(Settings(), ["kamailio"], print, engine)
    settings = case.settings(directory)
    local = directory / "rendered" / "kamailio"
    engine.run(
        images.image_tag("kamailio", Settings()),
        "kamailio", "-c", "-f", "/etc/kamailio/kamailio.cfg",
        options=[
            "--network", "none", "--read-only", "--tmpfs", "/run/kamailio",
            "--entrypoint", "",
            "-v", f"{local}:/etc/kamailio/local:ro",
            "-v", f"{directory / 'secrets'}:/run/ringwall/secrets:ro",
        ],
    )  # fmt: skip
    assert str(Addresses(settings).kamailio_edge) in (local / "settings.cfg").read_text()
