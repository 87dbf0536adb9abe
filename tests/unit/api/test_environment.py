from __future__ import annotations

from pathlib import Path

import pytest

from ringwall.api.environment import Environment, assemble
from ringwall.config.model import Settings
from ringwall.errors import RingwallError
from ringwall.render import control


def place(tmp_path: Path) -> Environment:
    made = Environment(tmp_path / "settings.json", tmp_path, tmp_path, tmp_path)
    made.settings.write_bytes(control.render(Settings())["control/settings.json"])
    for name in ("db_password", "ami_secret", "registrations_secret"):
        (tmp_path / name).write_text("x" * 40)
    return made


def test_the_rendered_settings_are_read_again(tmp_path: Path) -> None:
    assert place(tmp_path).load_settings() == Settings()


def test_control_is_put_together_without_connecting(tmp_path: Path) -> None:
    made = assemble(place(tmp_path))
    assert made.desk.domain == "sip.example.com"
    made.database.close()
    made.recorder.close()


def test_an_application_that_is_named_is_told(tmp_path: Path) -> None:
    environment = place(tmp_path)
    told_nobody = assemble(environment)
    assert told_nobody.pushes is None
    told_nobody.recorder.close()
    told = {"telemetry": {"registrations": {"url": "https://app.example.com/", "batch": 5}}}
    wanted = control.render(Settings.model_validate(told))
    environment.settings.write_bytes(wanted["control/settings.json"])
    made = assemble(environment)
    assert made.pushes is not None
    made.recorder.close()


@pytest.mark.parametrize("content", ["", "{", '{"nonsense": 1}'])
def test_damaged_settings_are_named(tmp_path: Path, content: str) -> None:
    environment = place(tmp_path)
    environment.settings.write_text(content)
    with pytest.raises(RingwallError, match=r"settings\.json: cannot be used"):
        environment.load_settings()


def test_a_missing_or_empty_secret_is_named(tmp_path: Path) -> None:
    environment = place(tmp_path)
    (tmp_path / "db_password").write_text("\n")
    with pytest.raises(RingwallError, match="db_password: is empty"):
        assemble(environment)
    (tmp_path / "db_password").unlink()
    with pytest.raises(RingwallError, match="db_password: cannot be read"):
        assemble(environment)
