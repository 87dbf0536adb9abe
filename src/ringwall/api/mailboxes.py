"""The mailboxes that the Asterisks know: one file, read by all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.errors import RingwallError
from ringwall.security import files
from ringwall.telemetry import ami

FILE_NAME = "mailboxes.conf"
_MODULE = "app_voicemail.so"

Reload = Callable[[str, str, str], None]
"""Asks the Asterisk at an address, with a secret, to reload a module."""


class Mailboxes:
    """Keeps mailboxes.conf and the Asterisks beside it up to date. One thread at a time."""

    def __init__(
        self, directory: Path, settings: Settings, secret: str, reload: Reload = ami.reload_module
    ) -> None:
        inside = Addresses(settings).is_inside
        self._nodes = {node.name: str(node.address) for node in settings.pbx.nodes if inside(node)}
        self._path = directory / FILE_NAME
        self._secret, self._reload = secret, reload
        # Those that have to be told of the last change.
        self._stale: set[str] = set()

    def write(self, pins: Mapping[str, str]) -> list[str]:
        """Write the file where it changes and tell the nodes; return what went wrong."""
        text = "; Written by control: changes here are lost.\n" + "".join(
            f"{number} => {pin},{number}\n" for number, pin in pins.items()
        )
        try:
            if self._old() != text.encode():
                # The Asterisks run as another user; the volume is theirs and control's alone.
                files.folder(self._path.parent, 0o755)
                files.write(self._path, text.encode(), 0o644)
                self._stale.update(self._nodes)
        except RingwallError as error:
            return [f"the mailboxes were not written: {error}"]
        return self.tell()

    @property
    def owed(self) -> bool:
        """Whether a node still has to be told."""
        return bool(self._stale)

    def tell(self) -> list[str]:
        """Tell the nodes that have not heard of the last change; return what went wrong."""
        stale = sorted(self._stale)
        if not stale:
            return []
        with ThreadPoolExecutor(max_workers=8) as pool:
            faults = dict(zip(stale, pool.map(self._reload_node, stale), strict=True))
        self._stale = {node for node, fault in faults.items() if fault}
        return [
            f"{node} did not reload its mailboxes ({fault}); it will be asked again"
            for node, fault in faults.items()
            if fault
        ]

    def _reload_node(self, node: str) -> str | None:
        try:
            self._reload(self._nodes[node], self._secret, _MODULE)
        except RingwallError as error:
            return str(error)
        return None

    def _old(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except OSError:
            return None
