"""Layer 7: encrypted media at the edge, by content of the audio on both sides."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from tests.system.configured import configured
from tests.system.raw import Dialog, RawClient, describe
from tests.system.records import calls_of
from tests.system.test_calls import connect

from ringwall.checks.phone import wait_until
from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.stack import Stack

    from ringwall.checks.call import Call
    from ringwall.checks.phone import Account, Encryption, Phone, Transport

_REQUIRED = "security: {srtp: {edge: required}}\n"
_SECURE = "RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
_OFF = 'security: {srtp: {edge: "off"}}\n'


@contextmanager
def pair(
    system: Stack,
    encryption: Encryption | None,
    transport: Transport = "tls",
    other: Encryption | None = None,
) -> Iterator[tuple[Phone, Phone]]:
    """A phone with this encryption, and another one."""
    with (
        system.phone(transport=transport, encryption=encryption) as one,
        system.phone(transport="tls" if other else "udp", encryption=other) as two,
    ):
        one.wait_registered()
        two.wait_registered()
        yield one, two


def assert_both_play(one: Phone, other: Phone) -> None:
    """What either says is what the other's user hears."""
    for ear, mouth in ((one, other), (other, one)):
        heard = ear.wait_played(mouth.melody)
        assert heard.complete, f"{ear} heard {heard}"


def assert_encrypted(phone: Phone, other: Phone) -> None:
    """Nothing that went over this phone's wire can be listened to."""
    assert len([one for one in phone.packets if len(one.payload) > 100]) > 50
    assert phone.heard(other.melody).matched < len(other.melody.tones) / 2


@pytest.mark.parametrize("encryption", ["srtp-mand", "dtls_srtp"])
def test_a_phone_that_demands_srtp_calls(system: Stack, encryption: Encryption) -> None:
    with pair(system, encryption) as (alice, bob):
        out, _ = connect(alice, bob)
        assert_both_play(alice, bob)
        assert_encrypted(alice, bob)
        out.hangup()


@pytest.mark.parametrize("encryption", ["srtp-mand", "dtls_srtp"])
def test_a_phone_that_demands_srtp_is_called(system: Stack, encryption: Encryption) -> None:
    with pair(system, encryption) as (alice, bob):
        out, _ = connect(bob, alice)
        assert_both_play(alice, bob)
        assert_encrypted(alice, bob)
        out.hangup()


def test_a_phone_that_demands_srtp_over_udp_is_called_after_it_called(system: Stack) -> None:
    with pair(system, "srtp-mand", "udp") as (alice, bob):
        out, came = connect(alice, bob)
        out.hangup()
        came.wait_closed()
        out, _ = connect(bob, alice)
        assert_both_play(alice, bob)
        assert_encrypted(alice, bob)
        out.hangup()


def test_a_refusal_is_remembered(system: Stack) -> None:
    """Over UDP a second offer in the same call is taken for a loop, the next call gets through."""
    # Phones of other tests have had the same address and port.
    system.engine.exec(system.container("kamailio_sbc"), "kamcmd", "htable.flush", "profiles")
    with pair(system, "srtp-mand", "udp") as (alice, bob):
        out = bob.dial(alice.account.username)
        wait_until(lambda: 488 in [one.status for one in alice.messages], 10, "488")
        _end(out)
        out, _ = connect(bob, alice)
        assert_both_play(alice, bob)
        assert _offers_to(alice)[0] == "RTP/AVP"
        assert _offers_to(alice)[-1] == "RTP/SAVP"
        out.hangup()


def test_a_phone_that_offers_srtp_as_an_extra_gets_it(system: Stack) -> None:
    """RFC 8643."""
    with pair(system, "srtp") as (alice, bob):
        out, _ = connect(alice, bob)
        assert_both_play(alice, bob)
        assert_encrypted(alice, bob)
        out.hangup()


def test_a_tls_phone_without_srtp_can_be_called(system: Stack) -> None:
    with pair(system, None) as (alice, bob):
        out, _ = connect(bob, alice)
        assert_both_play(alice, bob)
        out.hangup()


def test_both_kinds_of_srtp_meet(system: Stack) -> None:
    with pair(system, "srtp-mand", "tls", "dtls_srtp") as (alice, bob):
        out, _ = connect(alice, bob)
        assert_both_play(alice, bob)
        assert_encrypted(alice, bob)
        assert_encrypted(bob, alice)
        out.hangup()


@pytest.mark.parametrize("answers", [0, 1])
def test_two_phones_of_one_user_with_and_without_srtp(system: Stack, answers: int) -> None:
    account = system.subscriber()
    with (
        system.phone(account, "tls", encryption="srtp-mand") as secure,
        system.phone(account, "udp") as plain,
        system.phone() as caller,
    ):
        for phone in (secure, plain, caller):
            phone.wait_registered()
        begun = time.monotonic()
        out = caller.dial(account.username)
        rings = [phone.wait_incoming(after=begun) for phone in (secure, plain)]
        rings[answers].accept()
        out.wait_established()
        assert_both_play((secure, plain)[answers], caller)
        out.hangup()


# --- off, required ---


@pytest.fixture(scope="module")
def off(instance: Stack) -> Iterator[None]:
    """No phone is offered SRTP."""
    with configured(instance, _OFF):
        yield


@pytest.fixture(scope="module")
def required(instance: Stack) -> Iterator[None]:
    """No call without SRTP."""
    with configured(instance, _REQUIRED):
        yield


@pytest.mark.usefixtures("off")
class TestOff:
    """Who calls with SRTP is answered with it; plain RTP is let in and offered."""

    def test_a_call_with_srtp_works(self, system: Stack) -> None:
        with pair(system, "srtp-mand") as (alice, bob):
            out, _ = connect(alice, bob)
            assert_both_play(alice, bob)
            out.hangup()

    def test_plain_calls_get_in(self, system: Stack) -> None:
        assert call_with(system, "RTP/AVP 0") == 200

    def test_no_phone_is_offered_srtp(self, system: Stack) -> None:
        with pair(system, "srtp-mand") as (alice, bob):
            out = bob.dial(alice.account.username)
            wait_until(lambda: 488 in [one.status for one in alice.messages], 10, "488")
            assert _offers_to(alice) == ["RTP/AVP"]
            _end(out)


@pytest.mark.usefixtures("required")
class TestRequired:
    """Plain media is refused, whoever offers it, and said so."""

    @pytest.mark.parametrize("encryption", ["srtp-mand", "dtls_srtp"])
    def test_srtp_on_both_sides(self, system: Stack, encryption: Encryption) -> None:
        with pair(system, encryption, "tls", "srtp-mand") as (alice, bob):
            out, _ = connect(alice, bob)
            assert_both_play(alice, bob)
            assert_encrypted(alice, bob)
            out.hangup()

    @pytest.mark.parametrize(
        "media",
        [
            "RTP/AVP 0",
            "RTP/AVPF 0",
            "RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40,
            "RTP/SAVP 0\r\na=crypto:1 NULL_HMAC_SHA1_80 inline:" + "A" * 40,
            f"{_SECURE} UNENCRYPTED_SRTP",
            f"{_SECURE}\r\nm=audio 40002 RTP/AVP 0",
            f"{_SECURE}\r\nm=video 40002 RTP/AVP 96",
            f"{_SECURE}\rm=audio 40002 RTP/AVP 0",
            "udptl t38",
        ],
    )
    def test_plain_media_is_refused(self, system: Stack, media: str) -> None:
        since = time.time()
        assert call_with(system, media) == 488
        log = system.logs("kamailio_sbc", since)
        # One line in two seconds tells of them all.
        assert set(re.findall(r"verdict reason=(\S+)", log)) <= {"srtp-required"}

    def test_srtp_is_let_in(self, system: Stack) -> None:
        assert call_with(system, _SECURE) == 200
        assert call_with(system, f"{_SECURE}\r\nm=video 0 RTP/AVP 96") == 200

    def test_the_refusal_is_on_record(self, system: Stack) -> None:
        account = system.subscriber()
        assert call_with(system, "RTP/AVP 0", account) == 488
        wait_until(lambda: _recorded(system, account) == ["srtp-required"], 10, "the record")

    def test_a_phone_without_srtp_is_not_reached(self, system: Stack) -> None:
        with pair(system, "srtp-mand") as (alice, _), system.phone(transport="tls") as plain:
            plain.wait_registered()
            since = time.time()
            out = alice.dial(plain.account.username)
            wait_until(lambda: _offers_to(plain) == ["RTP/SAVP"], 10, "an offer")
            wait_until(
                lambda: "reason=srtp-required" in system.logs("kamailio_sbc", since),
                10,
                "the verdict",
            )
            _end(out)


def _end(call: Call) -> None:
    """Hang up a call that the other side may have ended already, and wait for its end."""
    with suppress(RingwallError):
        call.hangup()
    call.wait_closed()


def call_with(system: Stack, media: str, account: Account | None = None) -> int | None:
    """Call the echo with this kind of media; return the final answer's status."""
    account = account or system.subscriber()
    ca = str(system.workspace.certs / "ca.pem")
    with RawClient(system.edge, "tls", ca) as client:
        dialog = Dialog(account.username, system.edge, "600")
        body = describe(client.address, 40_000).replace("RTP/AVP 0", media)
        answer = client.ask_as("INVITE", dialog, account, body=body)
        if answer.status == 200:
            dialog.establish(answer)
            client.send(client.request("ACK", dialog))
            assert client.ask("BYE", dialog).status == 200
        return answer.status


def _recorded(system: Stack, account: Account) -> list[str | None]:
    return [call["reason"] for call in calls_of(system, account.username)]


def _offers_to(phone: Phone) -> list[str]:
    """The kinds of media that the SBC offered to the phone, in order."""
    return [
        found[1]
        for message in phone.messages
        if message.start_line.startswith("INVITE ")
        and (found := re.search(r"^m=audio \d+ (\S+)", message.body, re.MULTILINE))
    ]
