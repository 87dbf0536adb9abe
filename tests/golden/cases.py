"""Golden files: a ringwall.yaml and every file that is made of it, readable, in one file.

    === ringwall.yaml
    …
    === kamailio/settings.cfg
    …

After an intended change: ``RINGWALL_UPDATE_GOLDEN=1 pytest tests/golden``, then read the diff.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from ringwall.config import source
from ringwall.config.model import Settings
from ringwall.render import Facts, render
from ringwall.runtime.images import COMPONENTS

UPDATE = "RINGWALL_UPDATE_GOLDEN"
_OWN_ADDRESS = IPv4Address("192.0.2.10")
_INPUT = "ringwall.yaml"
_MARK = re.compile(r"^=== (\S+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One golden file."""

    path: Path

    @property
    def parts(self) -> dict[str, str]:
        """Name and content of everything in it."""
        _, *found = _MARK.split(self.path.read_text())
        return dict(zip(found[::2], found[1::2], strict=True))

    def settings(self, folder: Path) -> Settings:
        """Read its ringwall.yaml, as a user's is read; ``folder`` is scratch."""
        file = folder / _INPUT
        file.write_text(self.parts[_INPUT])
        return source.load(file)

    def rendered(self, folder: Path) -> dict[str, bytes]:
        """Render it now."""
        settings = self.settings(folder)
        given = settings.sbc.public_address
        address = _OWN_ADDRESS if given == "auto" else given
        return render(
            settings, Facts(address, {name: f"ringwall/{name}:tag" for name in COMPONENTS})
        )

    def text(self, files: dict[str, bytes]) -> str:
        """Return what the golden file should hold."""
        parts = {_INPUT: self.parts[_INPUT]}
        parts |= {name: files[name].decode() for name in sorted(files)}
        return "".join(f"=== {name}\n{content}" for name, content in parts.items())


CASES = [Case(path) for path in sorted(Path(__file__).parent.glob("*.golden"))]
