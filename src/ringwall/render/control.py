"""What control needs to know: the settings themselves."""

from __future__ import annotations

from ringwall.config.model import Settings


def render(settings: Settings) -> dict[str, bytes]:
    """Return control/settings.json, which ``Settings`` reads again.

    Where images come from is left out: it must not restart control.
    """
    text = settings.model_dump_json(indent=2, exclude={"build"})
    return {"control/settings.json": f"{text}\n".encode()}
