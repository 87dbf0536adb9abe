from __future__ import annotations

from pathlib import Path

from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace


def test_everything_lies_below_the_root(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    assert place.file == tmp_path / "ringwall.yaml"
    assert place.state == tmp_path / ".ringwall"
    for path in (place.rendered, place.secrets, place.certs, place.lock):
        assert path.parent == place.state


def test_settings_and_their_paths(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    place.file.touch()
    assert place.load_settings() == Settings()
    assert place.resolve(Path("wheels")) == tmp_path / "wheels"
    assert place.resolve(Path("/etc/ca.pem")) == Path("/etc/ca.pem")
