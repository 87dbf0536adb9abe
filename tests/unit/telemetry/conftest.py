from __future__ import annotations

import pytest

from ringwall.telemetry import push_courier, push_gate


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real time, but less of it."""
    monkeypatch.setattr(push_gate, "_FIRST_RETRY", 0.05)
    monkeypatch.setattr(push_gate, "_LONGEST_RETRY", 0.4)
    monkeypatch.setattr(push_gate, "_FIRST_STEP", 0.05)
    monkeypatch.setattr(push_gate, "_LONGEST_STEP", 0.2)
    monkeypatch.setattr(push_courier, "_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(push_courier, "_SWEEP_SECONDS", 0.2)
    monkeypatch.setattr(push_courier, "_CARE_SECONDS", 0.1)
