"""Layer 5: X-Company-Signature, asked of everyone, of a group, and of nobody."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.configured import configured
from tests.system.raw import Dialog, RawClient, authorization, describe

from ringwall.checks.phone import Account, wait_until
from ringwall.runtime import images
from ringwall.security import signature_keys
from ringwall.security.signature import HEADER, Request, sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.system.stack import Stack

    from ringwall.checks.sip import Message

_PAGE = Path(__file__).parents[2] / "docs" / "security" / "signature.md"
_KEY = "correct-horse-battery-staple-0001"
_WINDOW = 20
# Refusals here come faster than any budget allows.
_HMAC = f"security:\n  flood: off\n  signature: {{mode: hmac, window: {_WINDOW}s}}\n"
_STATIC = "security:\n  flood: off\n  signature: {mode: static}\n"
_CHANGING = re.compile(r'(?m)^(?:Via|From|To|Call-ID|CSeq): .*$|nonce="[^"]*"')
_GROUP = "security:\n  flood: off\n  signature: {mode: hmac, groups: [app]}\n"
_METHODS = ("REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE")


class Signer:
    """An official client's requests, and what is said of them."""

    def __init__(self, system: Stack, client: RawClient) -> None:
        self.system, self.client = system, client

    def header(
        self,
        method: str,
        dialog: Dialog,
        *,
        key: tuple[str, str] | None = None,
        at: int | None = None,
        nonce: str | None = None,
    ) -> str:
        """Sign the next request of a dialog; return the header's line."""
        kid, secret = key or newest_key(self.system)
        request = Request(method, dialog.target or "", dialog.user, dialog.call_id)
        return f"{HEADER}: {sign(request, kid, secret, at, nonce)}\r\n"

    def refused(self, reason: str, extra: str = "", dialog: Dialog | None = None) -> None:
        """Assert that an INVITE with these headers gets the one 403, and `why` tells the reason."""
        asked = dialog or self.dialog()
        self.wait_for_a_new_window()
        answer = self.client.ask("INVITE", asked, extra=extra, body=self.offer())
        assert answer.start_line == "SIP/2.0 403 Forbidden"
        wait_until(lambda: bool(why(self.system, asked.call_id)), 10, "the verdict")
        found = why(self.system, asked.call_id)
        assert [(row["reason"], row["status"]) for row in found] == [(reason, 403)]

    def wait_for_a_new_window(self) -> None:
        """The first refusal of a window is told in full."""
        sbc = self.system.container("kamailio_sbc")
        dump = ("kamcmd", "htable.dump", "verdicts")
        wait_until(
            lambda: self.client.address not in self.system.engine.exec(sbc, *dump),
            20,
            "windows of verdicts to be over",
        )

    def dialog(self, account: Account | None = None, target: str = "600") -> Dialog:
        user = account.username if account else "1000"
        return Dialog(user, self.system.domain, target)

    def offer(self) -> str:
        return describe(self.client.address, 40_000)


def why(system: Stack, subject: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(system.cli("why", subject, "--json").out)["verdicts"]
    return rows


def newest_key(system: Stack) -> tuple[str, str]:
    newest = signature_keys.read(system.workspace.secrets).good[-1]
    return newest.kid, newest.key


@contextmanager
def another_key(system: Stack, key: str) -> Iterator[str]:
    """Make this one the newest for a while; return its kid."""
    said = system.cli("signature", "rotate", "--key-stdin", input=f"{key}\n")
    assert said.status == 0, said.err
    kid, _ = newest_key(system)
    try:
        yield kid
    finally:
        assert system.cli("signature", "retire", kid).status == 0


@contextmanager
def signer(system: Stack) -> Iterator[Signer]:
    with RawClient(system.edge) as client:
        yield Signer(system, client)


@pytest.fixture(scope="module")
def hmac_mode(instance: Stack) -> Iterator[None]:
    """Everybody must sign."""
    with configured(instance, _HMAC):
        yield


@pytest.fixture(scope="module")
def static_mode(instance: Stack) -> Iterator[None]:
    """Everybody must send a key."""
    with configured(instance, _STATIC):
        yield


@pytest.fixture(scope="module")
def group_mode(instance: Stack) -> Iterator[None]:
    """The group `app` must sign."""
    with configured(instance, _GROUP):
        yield


# --- off ---


def test_without_the_layer_the_unsigned_are_challenged(system: Stack) -> None:
    with signer(system) as one:
        assert one.client.ask("INVITE", one.dialog(), body=one.offer()).status == 407


# --- hmac, of everyone ---


@pytest.mark.usefixtures("hmac_mode")
@pytest.mark.parametrize(("method", "status"), [("REGISTER", 200), ("MESSAGE", 404), ("INFO", 405)])
def test_who_signs_is_served(system: Stack, method: str, status: int) -> None:
    account = system.subscriber()
    with signer(system) as one:
        dialog = Dialog(account.username, system.domain, None if method == "REGISTER" else "602")
        # The same header twice: before the challenge, and with the answer to it.
        extra = one.header(method, dialog)
        assert one.client.ask_as(method, dialog, account, extra=extra).status == status


@pytest.mark.usefixtures("hmac_mode")
@pytest.mark.parametrize("method", [*_METHODS, "PUBLISH", "UPDATE"])
def test_whoever_does_not_sign_gets_no_challenge(system: Stack, method: str) -> None:
    known = system.subscriber().username
    faces = set()
    with signer(system) as one:
        for user in (known, "nobody"):
            for extra in ("", f"{HEADER}: v1\r\n"):
                target = None if method == "REGISTER" else "600"
                dialog = Dialog(user, system.domain, target)
                faces.add(_face(one.client.ask(method, dialog, extra=extra)))
        assert one.client.ask("OPTIONS", one.dialog(), uri=f"sip:{system.edge}").status == 200
    assert len(faces) == 1
    assert faces.pop().startswith("SIP/2.0 403 Forbidden")


@pytest.mark.usefixtures("hmac_mode")
def test_the_documented_vector_is_what_the_sbc_computes(system: Stack) -> None:
    """Its time has gone by; with a wrong signature it would not be said to be stale."""
    found = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|$", _PAGE.read_text(), re.MULTILINE))
    made = sign(
        Request(found["method"], found["uri_user"], found["from_user"], found["call_id"]),
        found["kid"], found["key"], int(found["ts"]), found["nonce"],
    )  # fmt: skip
    assert f"{HEADER}: {made}\n" in _PAGE.read_text()
    with another_key(system, found["key"]) as kid, signer(system) as one:
        # Which of our keys it is, is not signed.
        extra = f"{HEADER}: {made}\r\n".replace(f"kid={found['kid']};", f"kid={kid};")
        user, target = found["from_user"], found["uri_user"]
        stale = Dialog(user, system.domain, target, call_id=found["call_id"])
        begun = time.time()
        one.wait_for_a_new_window()
        assert one.client.ask("INVITE", stale, extra=extra).status == 403
        told = "verdict reason=signature-stale"
        wait_until(lambda: told in system.logs("kamailio_sbc", begun), 10, told)
        fresh = Dialog(user, system.domain, target)
        assert one.client.ask("INVITE", fresh, extra=one.header("INVITE", fresh)).status == 407


@pytest.mark.usefixtures("hmac_mode")
def test_what_is_not_right_is_refused_with_its_reason(system: Stack) -> None:
    now = int(time.time())
    with signer(system) as one:
        one.refused("signature-missing")
        dialog = one.dialog()
        good = one.header("INVITE", dialog)
        other = "0" if good[-3] != "0" else "1"
        one.refused("signature-invalid", good[:-3] + other + "\r\n", dialog)
        for at in (now - _WINDOW - 5, now + _WINDOW + 25):
            dialog = one.dialog()
            one.refused("signature-stale", one.header("INVITE", dialog, at=at), dialog)
        first, second = one.dialog(), one.dialog()
        nonce = f"once-{time.time_ns()}"
        said = one.client.ask(
            "INVITE", first, extra=one.header("INVITE", first, nonce=nonce), body=one.offer()
        )
        assert said.status == 407
        one.client.send(one.client.acknowledge(first, said))
        again = one.header("INVITE", second, nonce=nonce)
        one.refused("signature-replayed", again, second)


@pytest.mark.usefixtures("hmac_mode")
@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("INVITE", lambda dialog: setattr(dialog, "target", "601")),
        ("INVITE", lambda dialog: setattr(dialog, "user", "1001")),
        ("INVITE", lambda dialog: setattr(dialog, "call_id", dialog.call_id + "x")),
        ("MESSAGE", lambda dialog: None),
    ],
)
def test_a_signature_is_good_for_its_request_alone(
    system: Stack, method: str, change: Callable[[Dialog], None]
) -> None:
    with signer(system) as one:
        dialog = one.dialog()
        extra = one.header("INVITE", dialog)
        change(dialog)
        assert one.client.ask(method, dialog, extra=extra).status == 403


@pytest.mark.usefixtures("hmac_mode")
def test_who_registers_is_who_signs(system: Stack) -> None:
    """From is signed; a registration is of To."""
    with signer(system) as one:
        dialog = Dialog("1000", system.domain)
        extra = one.header("REGISTER", dialog)
        text = one.client.request("REGISTER", dialog, extra=extra)
        one.client.send(text.replace("To: <sip:1000@", "To: <sip:1001@"))
        assert one.client.final("REGISTER").status == 403


def _smuggled(line: str) -> list[str]:
    """Write a good header's line in every way that must not count."""
    value = line.partition(": ")[2].strip()
    head, signed = value.rpartition("sig=")[::2]
    nonce = value.partition("nonce=")[2].partition(";")[0]
    changed = [
        f"{value}, {value}",
        f"{value};{value}",
        f"{value};kid=k1",
        f"{value} x",
        f"{head}\r\n sig={signed}",
        f"{head}sig={signed.upper()}",
        f"{head}sig=0{signed}",
        f"{head}sig=",
        value[:-1],
        value.upper(),
        value.replace("kid=k", "kid=K"),
        value.replace("kid=k", "kid=k0"),
        value.replace("v1;", "V1;"),
        value.replace("v1;", "v2;"),
        value.replace(";ts=", ";ts=0"),
        value.replace(nonce, "a" * 65),
        value.replace(nonce, "short"),
        value.replace("nonce=", "nonce=\udcc3\udcbc"),
        value.replace(";ts", "\0;ts"),
        f"{value}\0{value}",
        f"{value}\0x",
        f"{value}\udcff",
        value + "a" * 20_000,
        "a" * 20_000,
        "",
        "  ",
        ";;;;",
        "v1;kid=;ts=;nonce=;sig=",
        "v1;kid=$var(keys);ts=1;nonce=%s;sig={s.len}",
    ]
    twice = [line + line, f"{HEADER}: v1\r\n{line}", f"{line}{HEADER.lower()} : v1\r\n"]
    return twice + [f"{HEADER}: {each}\r\n" for each in changed]


@pytest.mark.usefixtures("hmac_mode")
def test_no_other_writing_of_it_is_good(system: Stack) -> None:
    """400 is what the sanity check says to what is no SIP at all."""
    with signer(system) as one:
        for number in range(len(_smuggled(one.header("MESSAGE", one.dialog())))):
            dialog = one.dialog()
            line = _smuggled(one.header("MESSAGE", dialog))[number]
            answer = one.client.ask("MESSAGE", dialog, extra=line)
            assert answer.status in {400, 403}, repr(line)
        dialog = one.dialog()
        line = one.header("MESSAGE", dialog).replace(": ", " \t:  ").replace("X-Com", "x-COM")
        assert one.client.ask("MESSAGE", dialog, extra=line).status == 407


@pytest.mark.usefixtures("hmac_mode")
def test_keys_rotate_without_a_restart(system: Stack) -> None:
    begun = system.engine.exec(system.container("kamailio_sbc"), "kamcmd", "core.uptime")
    old = newest_key(system)
    with signer(system) as one:
        assert _challenged(one, old)
        said = system.cli("signature", "rotate", "--key-stdin", input=f"{_KEY}{time.time_ns()}\n")
        assert said.status == 0, said.err
        assert _KEY not in said.out
        new = newest_key(system)
        assert new[0] != old[0]
        assert _challenged(one, old)
        assert _challenged(one, new)
        third = system.cli("signature", "rotate")
        assert third.status == 2
        assert f"retire {old[0]}" in third.err
        assert system.cli("signature", "retire", old[0]).status == 0
        assert _challenged(one, new)
        dialog = one.dialog()
        one.refused("signature-invalid", one.header("INVITE", dialog, key=old), dialog)
        assert system.cli("signature", "retire", new[0]).status == 2
    now = system.engine.exec(system.container("kamailio_sbc"), "kamcmd", "core.uptime")
    assert re.findall("up_since: .*", now) == re.findall("up_since: .*", begun)


@pytest.mark.usefixtures("hmac_mode")
def test_no_key_is_seen_where_it_does_not_belong(system: Stack) -> None:
    """Neither in what RPC shows of tables and variables, nor in logs, rendered files, processes."""
    _, secret = newest_key(system)
    shapes = (secret, secret.encode().hex())
    sbc = system.container("kamailio_sbc")
    seen = system.engine.exec(sbc, "kamcmd", "htable.dump", "signature_nonces")
    for command in ("htable.listTables", "pv.shvGet", "cfg.list", "core.psx"):
        seen += system.engine.exec(sbc, "kamcmd", command)
    seen += system.logs("kamailio_sbc")
    seen += system.engine.docker("inspect", sbc)
    for file in system.workspace.rendered.rglob("*"):
        seen += file.read_text() if file.is_file() else ""
    assert not [shape for shape in shapes if shape in seen]
    for name in ("signature_keys", "kamailio/signature"):
        assert (system.workspace.secrets / name).stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("hmac_mode")
def test_the_pbx_never_sees_it(system: Stack) -> None:
    """In a call, a re-INVITE, a BYE and a CANCEL that all carry it, as a phone may not but can."""
    account = system.subscriber()
    with signer(system) as one, _inside(system) as heard:
        client, dialog = one.client, one.dialog(account)
        extra = one.header("INVITE", dialog)
        answer = client.ask_as("INVITE", dialog, account, extra=extra, body=one.offer())
        assert answer.status == 200
        dialog.establish(answer)
        client.send(client.request("ACK", dialog, extra=extra))
        odd = f"x-company-SIGNATURE  : secret\r\n folded\r\n{extra}"
        assert client.ask("INVITE", dialog, extra=odd, body=one.offer()).status == 200
        client.send(client.request("ACK", dialog, extra=odd))
        assert client.ask("BYE", dialog, extra=odd).status == 200
        ended = re.compile(rf"BYE sip:[^\0]*?Call-ID: {dialog.call_id}")
        wait_until(lambda: bool(ended.search(heard())), 10, "the BYE inside")
        seen = heard()
    for method in ("INVITE", "ACK", "BYE"):
        assert re.search(rf"(?m)^.*{method} sip:600@", seen), method
    assert not re.search("company|folded|sig=", seen, re.IGNORECASE)


# --- static ---


@pytest.mark.usefixtures("static_mode")
def test_a_key_is_a_signature(system: Stack) -> None:
    _, key = newest_key(system)
    with signer(system) as one:
        for extra in (f"{HEADER}: {key}\r\n", f"x-company-signature :\t{key}\r\n"):
            assert one.client.ask("MESSAGE", one.dialog(), extra=extra).status == 407
        one.refused("signature-missing")
        one.refused("signature-invalid", f"{HEADER}: {key[:-1]}\r\n")
        wrong = (
            "",
            key[:-1],
            f"{key}x",
            key.swapcase(),
            f"{key}, {key}",
            f"{key}\0",
            f"{key}\udcff",
        )
        for value in wrong:
            answer = one.client.ask("MESSAGE", one.dialog(), extra=f"{HEADER}: {value}\r\n")
            assert answer.status in {400, 403}, value
        twice = f"{HEADER}: {key}\r\n" * 2
        assert one.client.ask("MESSAGE", one.dialog(), extra=twice).status == 403


# --- of a group ---


@pytest.mark.usefixtures("group_mode")
def test_of_a_group_only_who_signs_gets_in(system: Stack) -> None:
    member, other = system.subscriber(), system.subscriber()
    assert system.cli("subscribers", "group", member.username, "app").status == 0
    with signer(system) as one:
        for account, signs, status in (
            (member, True, 200), (member, False, 401), (other, False, 200), (other, True, 200)
        ):  # fmt: skip
            dialog = Dialog(account.username, system.domain)
            extra = one.header("REGISTER", dialog) if signs else ""
            assert one.client.ask_as("REGISTER", dialog, account, extra=extra).status == status
        one.wait_for_a_new_window()
        dialog = Dialog(member.username, system.domain)
        assert one.client.ask_as("REGISTER", dialog, member).status == 401
    wait_until(lambda: bool(why(system, dialog.call_id)), 10, "the verdict")
    assert why(system, dialog.call_id)[0]["reason"] == "signature-missing"
    assert system.cli("subscribers", "group", member.username).status == 0
    with RawClient(system.edge) as client:
        dialog = Dialog(member.username, system.domain)
        assert client.ask_as("REGISTER", dialog, member).status == 200


@pytest.mark.usefixtures("group_mode")
@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE"])
def test_nobody_learns_who_exists_or_has_to_sign(system: Stack, method: str) -> None:
    """Member, other and unknown user; no, wrong and used credentials; another user's good ones."""
    member, other, mallory = system.subscriber(), system.subscriber(), system.subscriber()
    system.api.put_into_group(member.username, "app")
    faces: dict[str, set[str]] = {}
    target = None if method == "REGISTER" else "600"
    with signer(system) as one:
        for user in (member.username, other.username, "nobody"):
            dialog = Dialog(user, system.domain, target)
            liar = Account(user, "wrong password")
            challenge = one.client.ask(method, dialog)
            proof = authorization(challenge, method, one.client.uri(dialog), liar, "SHA-256")
            answers = {
                "none": challenge,
                "wrong": one.client.ask(method, dialog, extra=proof),
                "used": one.client.ask(method, dialog, extra=proof),
                "another's": one.client.ask_as(method, dialog, mallory),
            }
            for name, answer in answers.items():
                faces.setdefault(name, set()).add(_face(answer))
    assert {name: len(each) for name, each in faces.items()} == dict.fromkeys(faces, 1)
    assert faces["another's"].pop().startswith("SIP/2.0 403")


@contextmanager
def _inside(system: Stack) -> Iterator[Callable[[], str]]:
    """Listen to what passes between the SBC and the PBX; yield what was heard so far."""
    name = system.container("listener")
    engine = system.engine
    engine.docker(
        "run", "-d", "--init", "--name", name, "--user=0", "--cap-drop=ALL", "--cap-add=NET_RAW",
        "--network", f"container:{system.container('kamailio_sbc')}",
        images.image_tag("tools", system.settings),
        "tcpdump", "-p", "-i", "any", "-l", "-n", "-A", "-s", "0", "-Z", "root",
        f"udp port 5060 and host {system.addresses.kamailio_sbc}",
    )  # fmt: skip
    try:
        wait_until(lambda: "listening on" in system.logs("listener"), 20, "tcpdump")
        yield lambda: system.logs("listener")
    finally:
        engine.docker("rm", "-f", name)


def _challenged(one: Signer, key: tuple[str, str]) -> bool:
    """Whether a signature with this key is good."""
    dialog = one.dialog()
    extra = one.header("MESSAGE", dialog, key=key)
    return one.client.ask("MESSAGE", dialog, extra=extra).status == 407


def _face(answer: Message) -> str:
    """What an attacker sees, without what differs from request to request."""
    return _CHANGING.sub("", answer.text)
