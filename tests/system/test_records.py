"""One row a call, and what is in it; each registration."""

from __future__ import annotations

import json
import re
import subprocess
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.system import records
from tests.system.party import Party
from tests.system.raw import Dialog, authorization
from tests.system.stack import NODES, RING_S
from tests.system.test_calls import connect, phones

from ringwall.checks.phone import Account, wait_until
from ringwall.errors import BadInput

if TYPE_CHECKING:
    from tests.system.party import Leg
    from tests.system.stack import Stack

    from ringwall.checks.phone import Phone, Transport

_TALK_S = 2.0
_NEAR_MS = 100
_RTCP_S = 13.0
"""Reports on the media come about every five seconds."""


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_an_answered_call(system: Stack, transport: Transport) -> None:
    with Party(system, system.subscriber(), transport) as alice:
        leg, length, invited = _talk(alice)
        found = records.cdr(system, leg.call_id)
    assert found["caller"] == alice.account.username
    assert found["dialled"] == found["number"] == "600"
    assert found["result"] == "answered"
    assert found["sip_code"] == 200
    assert found["reason"] == ""
    assert found["hangup_by"] == "caller"
    assert found["source_address"] == alice.client.address
    assert found["source_port"] == alice.client.port
    assert found["transport"] == transport
    assert found["pbx_node"] in NODES
    assert found["trunk"] is None
    assert found["sbc_node"] == system.container("kamailio_sbc")
    assert found["call_ids"] == [leg.call_id]
    assert found["srtp"] is False
    assert abs(found["duration_ms"] - length) <= _NEAR_MS
    assert abs(_epoch(found["invited_at"]) - invited) <= 0.2
    assert abs(_epoch(found["answered_at"]) - leg.answered) <= 0.1
    assert found["invited_at"] <= found["answered_at"] < found["ended_at"]
    assert len(records.calls_of(system, alice.account.username)) == 1


def test_kamailios_own_tables_have_it(system: Stack) -> None:
    with Party(system, system.subscriber()) as alice, Party(system, system.subscriber()) as bob:
        bob.register()
        leg, _, _ = _talk(alice)
        records.cdr(system, leg.call_id)
        declined = alice.invite(bob.account.username)
        bob.refuse(bob.ringing(), "486 Busy Here")
        assert alice.final(declined) == 486
        records.cdr(system, declined.call_id, legs=2)
    answered = records.rows(system, "acc", f"callid = {records.text(leg.call_id)} ORDER BY id")
    assert [(row["method"], row["sip_code"]) for row in answered] == [
        ("INVITE", "200"),
        ("BYE", "200"),
    ]
    assert {row["src_user"] for row in answered} == {alice.account.username}
    assert {row["dst_ouser"] for row in answered} == {"600"}
    assert {row["src_ip"] for row in answered} == {alice.client.address}
    assert {row["correlation_id"] for row in answered} == {leg.call_id}
    joined = f"correlation_id = {records.text(declined.call_id)}"
    assert [row["sip_code"] for row in records.rows(system, "acc", joined)] == ["486", "486"]
    missed = records.rows(system, "missed_calls", joined)
    assert [(row["sip_code"], row["dst_user"]) for row in missed] == [("486", bob.account.username)]


def test_what_goes_on_is_listed_and_then_on_record(system: Stack) -> None:
    with Party(system, system.subscriber()) as alice:
        leg = alice.call("600")
        wait_until(lambda: leg.call_id in system.cli("calls", "list").out, 5, "the call's line")
        assert system.api.call(leg.call_id)["caller"] == alice.account.username
        alice.hang_up(leg)
        records.cdr(system, leg.call_id)
    assert leg.call_id not in system.cli("calls", "list").out
    listed = system.cli("cdrs", "list", "--user", alice.account.username)
    assert listed.status == 0
    assert [alice.account.username in line for line in listed.out.splitlines()] == [False, True]


def test_two_phones_are_two_legs_of_one_call(system: Stack) -> None:
    with phones(system, "udp", "tcp") as (alice, bob):
        out, came = connect(alice, bob)
        assert out.id != came.id
        out.hangup()
        came.wait_closed()
        found = records.cdr(system, out.id, legs=2)
    assert found["call_ids"] == [out.id, came.id]
    assert system.api.cdr(came.id) == found
    first, second = found["legs"]
    assert (first["direction"], second["direction"]) == ("from-user", "to-user")
    assert second["callee"] == bob.account.username
    assert second["pbx_node"] == first["pbx_node"] == found["pbx_node"]
    assert found["ringing_at"] is not None
    assert found["invited_at"] <= found["ringing_at"] <= found["answered_at"] <= found["ended_at"]
    assert len(records.calls_of(system, alice.account.username)) == 1
    assert records.calls_of(system, bob.account.username) == []


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_who_hung_up_and_how_long_it_was(system: Stack, who: str) -> None:
    """Real phones; what their own captures say of the time."""
    with phones(system, "udp", "udp") as (alice, bob):
        out, came = connect(alice, bob)
        _pass(_TALK_S)
        (out if who == "caller" else came).hangup()
        out.wait_closed()
        came.wait_closed()
        found = records.cdr(system, out.id, legs=2)
        length = _length(alice, out.id)
    assert found["hangup_by"] == who
    assert abs(found["duration_ms"] - length) <= _NEAR_MS


def test_both_hang_up_at_once(system: Stack) -> None:
    with Party(system, system.subscriber()) as alice, Party(system, system.subscriber()) as bob:
        bob.register()
        for _ in range(5):
            out, came = _connect(alice, bob)
            alice.send_bye(out)
            bob.send_bye(came)
            found = records.cdr(system, out.call_id, legs=2)
            assert found["result"] == "answered"
            assert found["hangup_by"] in {"caller", "callee"}
        assert len(records.calls_of(system, alice.account.username)) == 5
        legs = f"caller = {records.text(alice.account.username)}"
        assert len(records.rows(system, "cdr_legs", legs)) == 10


def test_busy(system: Stack) -> None:
    with Party(system, system.subscriber()) as alice, Party(system, system.subscriber()) as bob:
        bob.register()
        leg = alice.invite(bob.account.username)
        bob.refuse(bob.ringing(), "486 Busy Here")
        assert alice.final(leg) == 486
        found = records.cdr(system, leg.call_id, legs=2)
    _assert_not_answered(found, "busy", 486)


def test_cancelled(system: Stack) -> None:
    with Party(system, system.subscriber()) as alice, Party(system, system.subscriber()) as bob:
        bob.register()
        leg = alice.invite(bob.account.username)
        invite = bob.ringing()
        alice.provisional(180)
        _pass(1.0)
        alice.cancel()
        bob.wait_cancel(invite)
        assert alice.final(leg) == 487
        found = records.cdr(system, leg.call_id, legs=2)
    _assert_not_answered(found, "cancelled", 487)
    assert abs(found["ring_ms"] - 1000) <= 2 * _NEAR_MS


def test_no_answer_is_a_call_with_the_mailbox(system: Stack) -> None:
    with Party(system, system.subscriber()) as alice, Party(system, system.subscriber()) as bob:
        bob.register()
        alice.client.patience(RING_S + 5)
        bob.client.patience(RING_S + 5)
        leg = alice.invite(bob.account.username)
        bob.wait_cancel(bob.ringing())
        assert alice.final(leg) == 200
        alice.hang_up(leg)
        found = records.cdr(system, leg.call_id, legs=2)
    assert (found["result"], found["hangup_by"]) == ("answered", "caller")
    assert abs(found["ring_ms"] - RING_S * 1000) <= 1000
    missed = records.rows(system, "missed_calls", f"correlation_id = {records.text(leg.call_id)}")
    assert [(row["dst_user"], row["sip_code"]) for row in missed] == [(bob.account.username, "487")]


def test_nobody_has_the_number(system: Stack) -> None:
    with Party(system, system.subscriber()) as alice:
        leg = alice.invite("59999999")
        assert alice.final(leg) == 404
        found = records.cdr(system, leg.call_id, legs=2)
    _assert_not_answered(found, "failed", 404)
    assert found["legs"][1]["reason"] == "no-such-user"


def test_refused_by_the_sbc(system: Stack) -> None:
    """A user whom it knows asks for nobody."""
    with Party(system, system.subscriber()) as alice:
        leg = alice.invite("", uri=f"sip:{system.edge}")
        assert alice.final(leg) == 404
        found = records.cdr(system, leg.call_id)
    _assert_not_answered(found, "refused", 404)
    assert found["reason"] == "no-such-user"
    assert found["pbx_node"] == ""


def test_a_borrowed_identity_is_its_borrowers_call(system: Stack) -> None:
    """Good credentials, somebody else's From: on record is whose credentials they were."""
    alice = system.subscriber()
    with Party(system, system.subscriber()) as mallory:
        dialog = Dialog(alice.username, system.edge, "600")
        assert mallory.client.ask_as("INVITE", dialog, mallory.account).status == 403
        found = records.cdr(system, dialog.call_id)
    _assert_not_answered(found, "refused", 403)
    assert found["reason"] == "identity-mismatch"
    assert found["caller"] == mallory.account.username
    assert found["source_port"] == mallory.client.port
    assert records.calls_of(system, alice.username) == []


def test_strangers_leave_nothing(system: Stack) -> None:
    known = system.subscriber()
    seen = []
    for account in (Account("987654321", "x"), Account(known.username, "wrong password")):
        with Party(system, account) as stranger:
            dialog = Dialog(account.username, system.edge, "600")
            answer = stranger.client.ask_as("INVITE", dialog, account)
            assert answer.status == 407
            seen.append(dialog.call_id)
    with Party(system, known) as alice:  # events keep their order: then the others were first
        leg, _, _ = _talk(alice, 0)
        records.cdr(system, leg.call_id)
    assert len(records.calls_of(system, known.username)) == 1
    for call_id in seen:
        for table, column in (("cdr_legs", "call_id"), ("acc", "callid")):
            assert records.rows(system, table, f"{column} = {records.text(call_id)}") == []


def test_quality_of_the_media(system: Stack) -> None:
    """A good line, and at the same time one that loses every fifth packet of the caller's."""
    with (
        phones(system, "udp", "udp", answers=True) as (alice, bob),
        phones(system, "udp") as (carol,),
    ):
        _lose_every_fifth_packet(system, carol)
        calls = alice.dial(bob.account.username), carol.dial("600")
        for call in calls:
            call.wait_established()
        _pass(_RTCP_S)
        for call in calls:
            call.hangup()
            call.wait_closed()
        good, bad = records.cdr(system, calls[0].id, legs=2), records.cdr(system, calls[1].id)
    assert good["mos_average"] >= 4
    assert good["mos_min"] >= 3.5
    assert good["loss_caller"] <= 1
    assert good["loss_callee"] <= 1
    assert good["jitter_caller"] < 50
    assert good["jitter_callee"] < 50
    assert good["round_trip"] is not None
    assert good["round_trip"] < 500
    assert 5 <= bad["loss_caller"] <= 30
    assert bad["mos_average"] < good["mos_average"] - 0.3


_HOSTILE = {
    "quotes": ('"say \\"hi\\", \\\\ {\\"v\\":1}"', "6%220'0%5c"),
    "utf-8": ('"Zoë 張 \U0001f4de"', "600-%C3%BC"),
    "no utf-8": ('"\udcff\udcfe\udc80"', "6%ff00"),
    "a line of the log": ('"x%0A{\\"v\\":1,\\"kind\\":\\"leg\\"}%0D%0A"', "6%0a%22%00"),
}


@pytest.mark.parametrize("kind", _HOSTILE)
def test_hostile_names_and_numbers(system: Stack, kind: str) -> None:
    display, number = _HOSTILE[kind]
    call_id = f"a\"b\\c'<{{é}}>%22-{time.time_ns()}"
    with Party(system, system.subscriber()) as alice:
        leg = alice.invite(number, display=display, call_id=call_id)
        status = alice.final(leg)
        assert 400 <= status < 500
        (row,) = _wait_calls(alice, 1)
    assert (row["correlation_id"], row["sip_code"]) == (call_id, str(status))
    assert row["dialled"] == number


def test_a_number_of_strange_bytes_harms_nobody(system: Stack) -> None:
    """A PBX drops what it cannot parse; it must not seem dead for that."""
    with Party(system, system.subscriber()) as alice:
        for number in ("600-ü", "6\udcff00"):
            answer = alice.client.ask("INVITE", Dialog(alice.account.username, system.edge, number))
            assert answer.status == 400
        leg = alice.call("600")
        alice.hang_up(leg)


def test_long_call_ids_stay_apart(system: Stack) -> None:
    long = f"{time.time_ns()}-" + "x" * 300
    with Party(system, system.subscriber()) as alice:
        for end in ("a", "b"):
            leg = alice.call("600", call_id=long + end)
            alice.hang_up(leg)
        found = _wait_calls(alice, 2)
    assert len({row["correlation_id"] for row in found}) == 2
    assert {row["result"] for row in found} == {"answered"}


# --- registrations ---


def test_registrations_are_on_record(system: Stack) -> None:
    with Party(system, system.subscriber(), "tcp") as alice:
        agent = 'User-Agent: Fön "7\\" \udcff {x}\r\n'
        dialog = alice.register(120, agent)
        alice.register(120, agent, dialog)
        alice.register(0, agent, dialog)
        events = _wait_history(alice.account, 3, system)
    assert [event["event"] for event in events] == ["unregister", "refresh", "register"]
    for event in events:
        assert event["user"] == alice.account.username
        assert event["domain"] == system.domain
        assert event["source_address"] == alice.client.address
        assert event["source_port"] == alice.client.port
        assert event["transport"] == "tcp"
        assert event["user_agent"] == 'Fön "7\\" \\xff {x}'
        assert event["call_id"] == dialog.call_id
    assert [event["expires"] for event in events] == [0, 120, 120]
    assert [event["cseq"] for event in events] == [6, 4, 2]
    shown = system.cli("registrations", "history", alice.account.username)
    assert shown.status == 0
    assert shown.out.count(alice.account.username) >= 3


@pytest.mark.parametrize("urn", [None, "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"])
def test_a_phone_that_moves_replaces_its_contact(system: Stack, urn: str | None) -> None:
    """From another socket: the same Contact as behind a NAT, or the same instance with its new."""
    behind = None if urn else "sip:phone@192.168.77.7:5062"
    account = system.subscriber()
    with Party(system, account, "tcp") as here, Party(system, account, "tcp") as there:
        first = _register_at(here, behind, urn)
        _register_at(here, behind, urn, first)
        second = _register_at(there, behind, urn)
        events = _wait_history(account, 4, system)
        listed = system.cli("registrations", "list", account.username, "--json")
    assert [event["event"] for event in events] == ["register", "replaced", "refresh", "register"]
    new, old = events[:2]
    assert (new["call_id"], old["call_id"]) == (second.call_id, first.call_id)
    assert (new["source_port"], old["source_port"]) == (there.client.port, None)
    assert f":{there.client.port}" in new["received"]
    assert f":{here.client.port}" in old["received"]
    assert (new["contact"] == old["contact"]) == (urn is None)
    assert len(json.loads(listed.out)["registrations"]) == 1


def test_another_phone_replaces_nothing(system: Stack) -> None:
    account = system.subscriber()
    with Party(system, account) as one, Party(system, account) as other:
        one.register()
        other.register()
        one.register()
        events = _wait_history(account, 3, system)
    assert {event["event"] for event in events} == {"register", "refresh"}


def test_wrong_passwords_are_on_record_once_a_minute(system: Stack) -> None:
    account = system.subscriber()
    wrong = Account(account.username, "wrong password")
    with Party(system, wrong) as mallory, Party(system, account) as alice:
        for _ in range(5):
            dialog = Dialog(account.username, system.domain)
            assert mallory.client.ask_as("REGISTER", dialog, wrong).status == 401
        unknown = Account("987654321", "x")
        dialog = Dialog(unknown.username, system.domain)
        assert mallory.client.ask_as("REGISTER", dialog, unknown).status == 401
        alice.register()
        events = _wait_history(account, 2, system)
    assert [(event["event"], event["reason"]) for event in events] == [
        ("register", None),
        ("refused", "auth-failed"),
    ]
    assert system.api.registration_history({"user": "987654321"})["events"] == []


def test_registering_as_somebody_else_is_on_record_once_a_minute(system: Stack) -> None:
    alice = system.subscriber()
    with Party(system, system.subscriber()) as mallory:
        for _ in range(3):
            dialog = Dialog(alice.username, system.domain)
            assert mallory.client.ask_as("REGISTER", dialog, mallory.account).status == 403
        mallory.register()
        events = _wait_history(mallory.account, 2, system)
    assert [(event["event"], event["reason"]) for event in events] == [
        ("register", None),
        ("refused", "identity-mismatch"),
    ]
    assert system.api.registration_history({"user": alice.username})["events"] == []


@pytest.mark.long
def test_a_registration_expires(system: Stack) -> None:
    shortest = system.settings.registrar.min_expires.seconds
    with Party(system, system.subscriber()) as alice:
        dialog = alice.register(shortest)
        begun = time.time()
        events = _wait_history(alice.account, 2, system, shortest + 60)
    assert [event["event"] for event in events] == ["expire", "register"]
    assert events[0]["call_id"] == dialog.call_id
    assert shortest - 2 <= _epoch(events[0]["at"]) - begun <= shortest + 30


# --- helpers ---


def _register_at(
    party: Party, contact: str | None, instance: str | None, dialog: Dialog | None = None
) -> Dialog:
    """Register a Contact of the phone's own choice (None: where it is), of this instance."""
    dialog = dialog or Dialog(party.account.username, party.system.domain)
    refused = party.client.ask("REGISTER", dialog)
    proof = authorization(refused, "REGISTER", party.client.uri(dialog), party.account, "SHA-256")
    text = party.client.request("REGISTER", dialog, extra=proof)
    if contact:
        text = re.sub(r"Contact: <.*>", f"Contact: <{contact}>", text)
    if instance:
        text = re.sub(r"(Contact: <.*>)", rf'\1;+sip.instance="{instance}"', text)
    party.client.send(text)
    assert party.client.final("REGISTER").status == 200
    return dialog


def _talk(alice: Party, seconds: float = _TALK_S) -> tuple[Leg, float, float]:
    """Call the echo; return the leg, its length in ms and when it was begun, by Alice's clock."""
    begun = time.time()
    leg = alice.call("600")
    _pass(seconds)
    ended = alice.hang_up(leg)
    return leg, (ended - leg.answered) * 1000, begun


def _connect(alice: Party, bob: Party) -> tuple[Leg, Leg]:
    leg = alice.invite(bob.account.username)
    came = bob.answer(bob.ringing())
    assert alice.final(leg) == 200
    return leg, came


def _lose_every_fifth_packet(system: Stack, phone: Phone) -> None:
    """Drop audio (PCMU, 20 ms: 200 bytes with all headers) that leaves a phone.

    In its container's network namespace, with the iptables that Docker itself cannot do without.
    """
    pid = system.engine.docker("container", "inspect", "-f", "{{.State.Pid}}", phone.name)
    rule = "-p udp -m length --length 200 -m statistic --mode nth --every 5 --packet 0 -j DROP"
    enter = ["nsenter", "--target", pid.strip(), "--net", "iptables", "--append", "OUTPUT"]
    subprocess.run([*enter, *rule.split()], check=True, capture_output=True, timeout=10)


def _pass(seconds: float) -> None:
    """Let a call last: the length is what is measured."""
    time.sleep(seconds)


def _epoch(moment: str) -> float:
    return datetime.fromisoformat(moment).astimezone(UTC).timestamp()


def _length(phone: Phone, call_id: str) -> float:
    """Milliseconds from 200 to BYE, as they passed the phone's network interface."""

    def times(pattern: bytes) -> list[float]:
        return [
            packet.time
            for packet in phone.packets
            if call_id.encode() in packet.payload and re.match(pattern, packet.payload)
        ]

    wait_until(lambda: bool(times(b"BYE ")), 5, "the phone's capture of BYE", 0.2)
    return (times(b"BYE ")[0] - times(rb"SIP/2.0 200 (?s:.)*CSeq: \d+ INVITE")[0]) * 1000


def _assert_not_answered(found: dict[str, Any], result: str, code: int) -> None:
    assert (found["result"], found["sip_code"]) == (result, code)
    assert found["duration_ms"] == 0
    assert found["answered_at"] is None
    assert found["invited_at"] <= found["ended_at"]


def _wait_calls(party: Party, count: int) -> list[records.Row]:
    user = party.account.username
    wait_until(
        lambda: len(records.calls_of(party.system, user)) >= count, 10, f"{count} calls", 0.2
    )
    found = records.calls_of(party.system, user)
    assert len(found) == count
    return found


def _wait_history(
    account: Account, count: int, system: Stack, timeout: float = 10
) -> list[dict[str, Any]]:
    """Return a user's events, the newest first."""

    def events() -> list[dict[str, Any]]:
        try:
            found = system.api.registration_history({"user": account.username})
        except BadInput:
            return []
        listed: list[dict[str, Any]] = found["events"]
        return listed

    wait_until(lambda: len(events()) >= count, timeout, f"{count} events", 0.2)
    assert len(events()) == count
    return events()
