"""What a name is, as the expressions that Kamailio gets say it."""

from __future__ import annotations

import re

import pytest

from ringwall.config.scanners_model import Scanners
from ringwall.render import scanners


def _finds(rendered: dict[str, str], name: str, text: str) -> bool:
    parts = re.findall(rf"{name}_[0-9]+", rendered[name])
    return any(re.search(rendered[part].strip('"'), text, re.IGNORECASE) for part in parts)


@pytest.mark.parametrize(
    ("agent", "blocked"),
    [
        ("friendly-scanner", True),
        ("Friendly Scanner/1.2", True),
        ("friendly_scanner7", True),
        ("friendlyscanner", True),
        ("x,FRIENDLY-SCANNER", True),
        ("sipcli/v1.8", True),
        ("unfriendly-scanner", False),
        ("friendly-scanners united", False),
        ("sip", False),
        ("", False),
    ],
)
def test_what_a_name_is(agent: str, blocked: bool) -> None:
    rendered = scanners.defines(Scanners(block=("friendly-scanner", "sipcli", "sip-scan")))
    assert _finds(rendered, "BLOCKED_AGENT", agent) is blocked


def test_a_name_that_begins_another_is_found_too() -> None:
    rendered = scanners.defines(Scanners(block=("smap", "smapper", "sm")))
    assert all(_finds(rendered, "BLOCKED_AGENT", name) for name in ("smap", "smapper", "sm/1"))
    assert not _finds(rendered, "BLOCKED_AGENT", "smappe")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=sipcli\r\n", True),
        ("v=0\ns=SIPcli 1\n", True),
        ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\na=x:s=sipcli\r\n", False),
    ],
)
def test_a_line_is_looked_at_from_its_beginning(body: str, found: bool) -> None:
    rendered = scanners.defines(Scanners(sdp=("s=sipcli",)))
    assert _finds(rendered, "SCANNER_SDP", body) is found


def test_any_number_of_names_fits_kamailios_reader() -> None:
    names = tuple(f"tool-{number}-{'x' * 50}" for number in range(1000))
    rendered = scanners.defines(Scanners(block=names))
    assert max(map(len, rendered.values())) < 20_000
    assert all(_finds(rendered, "BLOCKED_AGENT", name) for name in (names[0], names[-1]))


def test_an_empty_list_finds_nobody_and_off_is_off() -> None:
    assert scanners.defines(Scanners(block=()))["BLOCKED_AGENT"] == "(0 == 1)"
    assert scanners.defines(Scanners(enabled=False)) == {}
