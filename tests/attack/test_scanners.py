"""Attack tools get no answer; phones, and tools of operators, do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.system.configured import configured
from tests.system.raw import Dialog, RawClient, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

_SILENCE_S = 1.0


def _is_answered(system: Stack, extra: str, method: str = "OPTIONS", body: str = "") -> bool:
    with RawClient(system.edge) as client:
        client.patience(_SILENCE_S)
        dialog = Dialog("1000", system.domain, "1001")
        try:
            client.ask(method, dialog, extra=extra, body=body)
        except TimeoutError:
            return False
        return True


@pytest.fixture
def limited(system: Stack) -> Iterator[Stack]:
    """The same with a low score limit."""
    with configured(system, "security:\n  scanners: {score_limit: 10}\n"):
        system.forget_host()  # registrations are remembered over a restart
        yield system


@pytest.fixture
def switched_off(system: Stack) -> Iterator[Stack]:
    with configured(system, "security:\n  scanners: {enabled: false}\n"):
        yield system


@pytest.mark.parametrize(
    "extra",
    [
        "User-Agent: friendly-scanner\r\n",
        "user-agent : FRIENDLY_Scanner/2\r\n",
        "User-Agent: friendly\r\n scanner\r\n",
        "User-Agent: Yealink\r\nUser-Agent: sipvicious\r\n",
        "User-Agent: sipcli/v1.8\r\nUser-Agent: Yealink\r\n",
    ],
)
def test_an_attack_tool_gets_no_answer(system: Stack, extra: str) -> None:
    assert not _is_answered(system, extra)
    assert "verdict reason=scanner" in system.logs("kamailio_sbc")


@pytest.mark.parametrize(
    "extra",
    ["", "User-Agent: sipsak 0.9.8\r\n", "User-Agent: unfriendly-scanner\r\n", "User-Agent:\r\n"],
)
def test_everybody_else_is_answered(system: Stack, extra: str) -> None:
    assert _is_answered(system, extra)


def test_a_tool_without_a_name_is_told_by_its_session(system: Stack) -> None:
    known = describe("192.0.2.1", 4000).replace("s=-", "s=sipcli")
    assert not _is_answered(system, "", "INVITE", known)
    assert _is_answered(system, "", "INVITE", describe("192.0.2.1", 4000))


def test_what_a_tool_sends_over_tcp_ends_its_connection(system: Stack) -> None:
    with RawClient(system.edge, "tcp") as client, pytest.raises(ConnectionError):
        client.ask("OPTIONS", Dialog("1000", system.domain), extra="User-Agent: smap\r\n")


def test_a_doubtful_name_is_served_until_it_asks_too_much(limited: Stack) -> None:
    answered = [_is_answered(limited, "User-Agent: eyeBeam release 1\r\n") for _ in range(12)]
    assert answered[:10] == [True] * 10
    assert answered[10:] == [False] * 2
    assert _is_answered(limited, "User-Agent: Yealink\r\n")


def test_without_the_layer_attack_tools_are_answered(switched_off: Stack) -> None:
    assert _is_answered(switched_off, "User-Agent: friendly-scanner\r\n")
