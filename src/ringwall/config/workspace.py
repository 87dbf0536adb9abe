"""The working directory: ringwall.yaml, and .ringwall beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringwall.config import source

if TYPE_CHECKING:
    from pathlib import Path

    from ringwall.config.model import Settings

FILE_NAME = "ringwall.yaml"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where one instance keeps what it was told and what it made of it."""

    root: Path

    @property
    def file(self) -> Path:
        """The file that the user edits."""
        return self.root / FILE_NAME

    @property
    def state(self) -> Path:
        """Everything that Ringwall writes."""
        return self.root / ".ringwall"

    @property
    def rendered(self) -> Path:
        """The compose file and the components' configuration."""
        return self.state / "rendered"

    @property
    def secrets(self) -> Path:
        """Passwords and tokens, one folder a component."""
        return self.state / "secrets"

    @property
    def certs(self) -> Path:
        """The CA and the edge's certificate."""
        return self.state / "certs"

    @property
    def lock(self) -> Path:
        """Held while a command changes the system."""
        return self.state / "lock"

    def load_settings(self) -> Settings:
        """Read ringwall.yaml; raise ``ConfigErrors`` with every mistake in it."""
        return source.load(self.file)

    def resolve(self, path: Path) -> Path:
        """Resolve a path of ringwall.yaml, which is relative to that file's directory."""
        return self.root / path.expanduser()
