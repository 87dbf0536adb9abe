"""Settings in, files out: nothing here reads a clock, a network or a directory."""

from __future__ import annotations

from ringwall.config.model import Settings
from ringwall.render import asterisk, compose, control, fail2ban, kamailio, rtpengine
from ringwall.render.facts import Facts

__all__ = ["Facts", "render"]


def render(settings: Settings, facts: Facts) -> dict[str, bytes]:
    """Return every generated file: its path inside ``.ringwall/rendered``, and its content."""
    files = {
        **kamailio.render(settings, facts),
        **rtpengine.render(settings, facts),
        **asterisk.render(settings),
        **control.render(settings),
        **fail2ban.render(settings),
    }
    return {**compose.render(settings, facts, files), **files}
