from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwall.telemetry.events import BadEvent, parse

from .lines import (
    coded,
    leg,
    leg_line,
    registration,
    registration_line,
    verdict,
    verdict_line,
)

NAMED = ("correlation", "call_id", "from_tag", "to_tag", "caller", "dialled", "target", "profile")


def test_a_leg() -> None:
    told = leg()
    assert (told.call_id, told.caller, told.dialled) == ("a@phone", "1001", "600")
    assert (told.invited, told.ringing, told.answered) == (1795399477605, None, 1795399477614)
    assert (told.code, told.source_port, told.profile) == (200, 5060, "RTP/AVP")
    assert not told.srtp
    assert told.media.mos_average is None


def test_numbers_may_be_numbers() -> None:
    assert leg(ended=1795399482444, code=486) == leg(ended="1795399482444", code="486")


def test_without_a_correlation_a_leg_is_its_own_call() -> None:
    assert leg(correlation="").correlation == "a@phone"


def test_srtp_is_seen_in_the_profile() -> None:
    assert leg(profile=coded("UDP/TLS/RTP/SAVPF")).srtp


def test_figures_of_the_media_that_make_no_sense_are_unknown() -> None:
    media = {"mos_average": "4.321", "mos_min": "41", "loss": "nan", "jitter": "", "round_trip": 3}
    told = leg(media=media).media
    assert (told.mos_average, told.mos_min, told.loss, told.jitter) == (4.32, None, None, None)
    assert told.round_trip == 3


@pytest.mark.parametrize("name", NAMED)
@given(content=st.binary(max_size=2000))
def test_whatever_a_stranger_chose_the_call_is_on_record(name: str, content: bytes) -> None:
    told = leg(**{name: coded(content or b"x")})
    text = str(getattr(told, name))
    assert len(text) <= 255
    assert "\0" not in text
    text.encode()  # no half of a pair, which MariaDB refuses


def test_long_identities_stay_different() -> None:
    one, other = leg(call_id=coded("x" * 400 + "1")), leg(call_id=coded("x" * 400 + "2"))
    assert len(one.call_id) == 255
    assert one.call_id != other.call_id
    assert one.call_id == leg(call_id=coded("x" * 400 + "1")).call_id


def test_bytes_that_are_no_text_stay_different() -> None:
    assert leg(call_id=coded(b"\xff@x")).call_id != leg(call_id=coded(b"\xfe@x")).call_id


def test_a_registration() -> None:
    told = registration()
    assert (told.user, told.expires, told.cseq) == ("1001", 3600, 39588)
    assert len(told.event_id) == 64


@pytest.mark.parametrize("written", ["", "soon", "-1", "99999999999"])
def test_an_expiry_that_is_no_number_is_unknown(written: str) -> None:
    assert registration(expires=coded(written)).expires is None


def test_the_same_registration_has_the_same_id() -> None:
    assert registration().event_id == registration(source_port="5061").event_id
    others = [{"at": "1795399477596"}, {"cseq": "39589"}, {"event": "refresh"}]
    ids = {registration(**change).event_id for change in others}
    assert len(ids | {registration().event_id}) == 4


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[" * 10_000, "Invalid JSON"),
        (b"{}", "kind"),
        (leg_line(kind="nonsense"), "nonsense"),
        (leg_line(v=2), "v"),
        (leg_line(call_id=""), "call_id"),
        (leg_line(call_id="no base64!"), "is no base64"),
        (leg_line(direction="up"), "direction"),
        (leg_line(ended=""), "ended"),
        (leg_line(ended="soon"), "ended"),
        (leg_line(ended=str(10**14)), "ended"),
        (leg_line(answered="-5"), "answered"),
        (leg_line(source_port="65536"), "source_port"),
        (leg_line(code="1000"), "code"),
        (leg_line(media=[]), "media"),
        (registration_line(user=""), "user"),
        (registration_line(event="gone"), "event"),
        (verdict_line(reason=""), "reason"),
        (verdict_line(action="liked"), "action"),
        (verdict_line(count="0"), "count"),
        (leg_line(sbc="x" * 70_000), "more than 65536"),
    ],
)
def test_what_is_no_event_is_told(line: bytes, why: str) -> None:
    with pytest.raises(BadEvent) as caught:
        parse(line)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_newer_kamailio_tells_is_let_pass() -> None:
    assert leg(colour="red") == leg()


def test_a_verdict() -> None:
    told = verdict(method=coded("BYE"))
    assert (told.reason, told.action, told.code, told.class_) == (
        "no-dialog", "refused", 481, "unknown",
    )  # fmt: skip
    assert (told.method, told.call_id, told.user, told.count) == ("BYE", "v@phone", "1001", 1)


def test_an_address_is_written_one_way() -> None:
    assert verdict(source="2001:db8:0:0:0:0:0:1").source == "2001:db8::1"
    assert verdict(source="").source == ""


def test_numbers_of_two_windows_are_two_verdicts() -> None:
    assert verdict().event_id == verdict().event_id
    assert verdict(window="1").event_id != verdict(window="2").event_id
