"""Calls to 600: what comes back is what was said, and nothing of the inside is seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ringwall.checks import capture, testcall

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.phone import Phone, Transport

TRANSPORTS = ["udp", "tcp", "tls"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_echo_is_what_was_said(system: Stack, transport: Transport) -> None:
    with system.phone(transport=transport) as phone:
        report = testcall.place(phone, "600", print)
        _assert_inside_unseen(system, phone)
    assert report.passed, report.verdict
    assert report.status == "200 OK"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_phone_may_use_the_domain_and_a_proxy(system: Stack, transport: Transport) -> None:
    """URIs with the domain, the SBC as outbound proxy: its Route header names us."""
    with system.phone(transport=transport, domain=system.domain) as phone:
        report = testcall.place(phone, "600", print)
    assert report.passed, report.verdict


@pytest.mark.parametrize("number", ["601", "602"])
def test_announcement_and_music_are_heard(system: Stack, number: str) -> None:
    with system.phone() as phone:
        report = testcall.place(phone, number, print)
    assert report.passed, report.verdict
    assert report.level is not None
    assert report.level > -45


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_command_says_what_it_heard(system: Stack, transport: str) -> None:
    said = system.cli("call", "--transport", transport)
    assert said.status == 0, said.err
    registered, answered, heard = said.out.splitlines()
    assert registered.startswith(f"registered as 1000 over {transport.upper()}")
    assert answered.startswith("600 answered after ")
    assert answered.endswith("200 OK")
    assert heard.startswith("heard back what was said (16 of 16 tones, ")


def test_the_command_speaks_json(system: Stack) -> None:
    said = system.cli("call", "600", "--json")
    assert said.status == 0, said.err
    assert json.loads(said.out)["passed"] is True


def test_the_command_fails_for_a_number_that_is_nobodys(system: Stack) -> None:
    said = system.cli("call", "59999999")
    assert said.status == 1
    assert "404" in said.err
    assert "Remedy" in said.err
    said = system.cli("call", "59999999", "--json")
    assert said.status == 1
    assert "404" in json.loads(said.out)["error"]


def _assert_inside_unseen(system: Stack, phone: Phone) -> None:
    """RTPengine's edge address is all that the phone was told, and all that media came from."""
    to_phone = [message for message in phone.messages if message.target.startswith(_host(phone))]
    described = {address for message in to_phone for address in message.media_addresses()}
    assert described == {str(system.addresses.rtpengine_edge)}
    ends = {stream.source.address for stream in capture.streams(phone.packets)}
    assert ends == {phone.address, system.addresses.rtpengine_edge}


def _host(phone: Phone) -> str:
    return f"{phone.address}:"
