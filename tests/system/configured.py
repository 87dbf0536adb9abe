"""The tests' instance with other settings for a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.system.stack import CONFIGURATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack


@contextmanager
def configured(system: Stack, more: str) -> Iterator[None]:
    """Run the instance with ``more`` in its ringwall.yaml, then as it was."""
    file = system.workspace.file
    try:
        file.write_text(CONFIGURATION + more)
        system.up()
        system.wait_well()
        yield
    finally:
        file.write_text(CONFIGURATION)
        system.up()
        system.wait_well()
