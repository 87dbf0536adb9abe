from __future__ import annotations

import pytest
from pydantic import ValidationError

from ringwall.config.flood_model import Flood
from ringwall.config.model import Settings
from ringwall.config.types import Rate
from ringwall.render.flood import defines, never_banned


@pytest.mark.parametrize(("text", "rate"), [("30/s", 30), ("1 / s", 1), ("unlimited", None)])
def test_a_rate_is_written(text: str, rate: int | None) -> None:
    assert Rate.parse(text) == Rate(rate)
    assert Rate.parse(str(Rate(rate))) == Rate(rate)


@pytest.mark.parametrize("text", ["30", 30, "30/m", "0/s", "100001/s", "-1/s", None])
def test_what_is_no_rate_is_told_with_a_remedy(text: object) -> None:
    with pytest.raises(ValueError, match="; write"):
        Rate.parse(text)


@pytest.mark.parametrize("off", ["off", False, {"enabled": False}])
def test_it_can_be_switched_off(off: object) -> None:
    settings = Settings.model_validate({"security": {"flood": off}})
    assert "WITH_FLOOD" not in defines(settings, "")
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"never_ban": ["0.0.0.0/0"]},
        {"never_ban": ["192.0.2.1/24"]},
        {"never_ban": ["example.com"]},
        {"first_ban": "2h", "longest_ban": "1h"},
        {"unknown": "fast"},
        {"failures": 1},
    ],
)
def test_mistakes_are_found(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Flood.model_validate(wrong)


def test_budgets_are_for_a_window_of_ten_seconds() -> None:
    found = defines(Settings(), "http://10.5.0.5:8080/internal")
    assert (found["BUDGET_UNKNOWN"], found["BUDGET_REGISTERED"], found["BUDGET_TRUNK"]) == (
        "300", "1000", "0",
    )  # fmt: skip


def test_who_is_never_banned() -> None:
    flood = {"never_ban": ["203.0.113.0/24"]}
    pbx = {"nodes": [{"name": "own", "address": "198.51.100.20"}]}
    settings = Settings.model_validate({"security": {"flood": flood}, "pbx": pbx})
    assert {str(one) for one in never_banned(settings)} == {
        "10.5.0.0/24", "10.5.1.1/32", "10.5.1.2/32", "198.51.100.20/32", "203.0.113.0/24",
    }  # fmt: skip
