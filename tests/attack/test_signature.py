"""Layer 5: X-Company-Signature, asked of everyone and of nobody."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.system.configured import configured
from tests.system.raw import Dialog
from tests.system.signing import another_key, face, newest_key, signer

from ringwall.checks.phone import wait_until
from ringwall.security.signature import HEADER, Request, sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.system.stack import Stack

_PAGE = Path(__file__).parents[2] / "docs" / "security" / "signature.md"
_KEY = "correct-horse-battery-staple-0001"
_WINDOW = 20
# Refusals here come faster than any budget allows.
_HMAC = f"security:\n  flood: off\n  signature: {{mode: hmac, window: {_WINDOW}s}}\n"
_STATIC = "security:\n  flood: off\n  signature: {mode: static}\n"
_METHODS = ("REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE")


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
                faces.add(face(one.client.ask(method, dialog, extra=extra)))
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
    """400 is what the sanity check says to what is no SIP at all.

    White space around a value counts for nothing, nor does a NUL byte at its end.
    """
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
        assert one.is_challenged(old)
        said = system.cli("signature", "rotate", "--key-stdin", input=f"{_KEY}{time.time_ns()}\n")
        assert said.status == 0, said.err
        assert _KEY not in said.out
        new = newest_key(system)
        assert new[0] != old[0]
        assert one.is_challenged(old)
        assert one.is_challenged(new)
        third = system.cli("signature", "rotate")
        assert third.status == 2
        assert f"retire {old[0]}" in third.err
        assert system.cli("signature", "retire", old[0]).status == 0
        assert one.is_challenged(new)
        dialog = one.dialog()
        one.refused("signature-invalid", one.header("INVITE", dialog, key=old), dialog)
        assert system.cli("signature", "retire", new[0]).status == 2
    now = system.engine.exec(system.container("kamailio_sbc"), "kamcmd", "core.uptime")
    assert re.findall("up_since: .*", now) == re.findall("up_since: .*", begun)


@pytest.mark.usefixtures("hmac_mode")
@pytest.mark.parametrize(
    "key",
    [
        "".join(map(chr, range(0x21, 0x7F))),
        '$var(keys);k1="x"=%s\\n',
        "k1=00;" * 21,
        "=" * 16,
    ],
)
def test_a_key_of_any_characters_is_one(system: Stack, key: str) -> None:
    with signer(system) as one:
        old = newest_key(system)
        with another_key(system, key) as kid:
            assert one.is_challenged((kid, key))
            assert not one.is_challenged((old[0], key))
            assert not one.is_challenged((kid, key[:-1]))
            assert one.is_challenged(old)
        assert not one.is_challenged((kid, key))


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
            f"{key}\0x",
            f"{key}\udcff",
        )
        for value in wrong:
            answer = one.client.ask("MESSAGE", one.dialog(), extra=f"{HEADER}: {value}\r\n")
            assert answer.status in {400, 403}, value
        twice = f"{HEADER}: {key}\r\n" * 2
        assert one.client.ask("MESSAGE", one.dialog(), extra=twice).status == 403
