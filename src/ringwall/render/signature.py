"""What routes/signature.cfg needs to know; the keys are a secret file."""

from __future__ import annotations

from ringwall.config.signature_model import Signature


def defines(signature: Signature) -> dict[str, str]:
    """Return the defines of routes/signature.cfg; none where the layer is off."""
    if signature.mode == "off":
        return {}
    return {
        "WITH_SIGNATURE": "",
        f"SIGNATURE_{signature.mode.upper()}": "",
        "SIGNATURE_WINDOW": str(signature.window.seconds),
        # A signature of the near future is good until it is of the far past.
        "SIGNATURE_MEMORY": str(2 * signature.window.seconds + 1),
        **_groups(signature.groups),
    }


def _groups(names: tuple[str, ...]) -> dict[str, str]:
    if not names:
        return {}
    return {"SIGNATURE_OF_GROUPS": "", "SIGNATURE_GROUPS": f'"^({"|".join(names)})$"'}
