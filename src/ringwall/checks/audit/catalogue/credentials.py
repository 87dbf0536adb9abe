"""Requests without credentials, with wrong, stolen, replayed or odd ones."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ringwall.checks.audit.case import SILENCE, Broken, Case, Outcome, Sends
from ringwall.checks.audit.catalogue.requests import OFFER, SDP_TYPE, invite, request
from ringwall.checks.audit.edge import NOBODY
from ringwall.checks.audit.layers import Layer
from ringwall.checks.phone import Account
from ringwall.checks.raw import challenges

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.audit.stage import Stage
    from ringwall.checks.sip import Message

_METHODS = (
    "INVITE", "MESSAGE", "SUBSCRIBE", "PUBLISH", "NOTIFY", "REFER", "INFO", "UPDATE", "PRACK",
    "BYE", "FOO",
)  # fmt: skip
_GUESSES = ("", "1234", "password", "victim", "admin", "000000", "letmein", "asterisk")


def _unproven(method: str) -> Case:
    text = request(method, "sip:{victim}@{domain}", caller="<sip:{victim}@{domain}>")
    return Case(
        f"no-credentials-{method.lower()}", f"{method} in the victim's name, without credentials",
        "RFC 3261 22", Layer.DIGEST, Sends(text, (407,), port=0, layer=Layer.DIGEST),
    )  # fmt: skip


def _said(name: str, what: str, header: str, layer: Layer = Layer.DIGEST) -> Case:
    """A registration with these credentials, which prove nothing.

    Those that are no whole Digest the sanity check refuses, or drops.
    """
    text = request(
        "REGISTER", "sip:{domain}", caller="<sip:{victim}@{domain}>",
        callee="<sip:{victim}@{domain}>", extra=f"Authorization: {header}\r\n",
    )  # fmt: skip
    answers: tuple[Outcome, ...] = (400, 401) if layer is Layer.DIGEST else (400, SILENCE)
    send = Sends(text, answers, port=0, layer=layer)
    return Case(f"credentials-{name}", what, "RFC 7616", layer, send)


_FIELDS = (
    'Digest username="{victim}", realm="{domain}", nonce="%s", uri="sip:{domain}", '
    'response="%s", algorithm=%s, qop=%s, nc=%s, cnonce="%s"'
)
_ZEROS = "0" * 32


def _fields(
    nonce: str = "x", response: str = _ZEROS, algorithm: str = "MD5", qop: str = "auth",
    count: str = "00000001", cnonce: str = "c",
) -> str:  # fmt: skip
    return _FIELDS % (nonce, response, algorithm, qop, count, cnonce)


_ODD = (
    _said("empty", "credentials without anything", "Digest", Layer.SANITY),
    _said("empty-response", "an empty response", _fields(response=""), Layer.SANITY),
    _said("zeros", "a response of zeros", _fields()),
    _said("invented-nonce", "a nonce that was never issued", _fields(nonce="deadbeef" * 8)),
    _said("endless-nonce", "a nonce of 4,000 bytes", _fields(nonce="A" * 4000)),
    _said("endless-response", "a response of 4,000 bytes", _fields(response="a" * 4000)),
    _said("unknown-algorithm", "an algorithm that there is not", _fields(algorithm="ROT13")),
    _said("session-algorithm", "MD5-sess, which is not offered", _fields(algorithm="MD5-sess")),
    _said("integrity", "qop auth-int, which is not offered", _fields(qop="auth-int")),
    _said("without-qop", "no qop, as in RFC 2069", 'Digest username="{victim}", '
          f'realm="{{domain}}", nonce="x", uri="sip:{{domain}}", response="{_ZEROS}"'),
    _said("twice", "a parameter twice", f'{_fields()}, username="{{nobody}}"'),
    _said("injection", "SQL for a user name", _fields().replace(
        "{victim}", "' OR '1'='1' -- ")),
    _said("basic", "Basic, with a password in the clear", "Basic dmljdGltOnBhc3N3b3Jk",
        Layer.SANITY),
    _said("bearer", "a token for a proof", "Bearer eyJhbGciOiJub25lIn0.e30.", Layer.SANITY),
)  # fmt: skip


def _refused(answer: Message | None, what: str) -> None:
    if answer is None or answer.status not in {401, 407, 403}:
        raise Broken(f"{what} was answered {answer.status if answer else 'with silence'}")


def _guess(stage: Stage) -> None:
    """Guess the victim's password."""
    victim = stage.cast.victim
    for word in _GUESSES:
        with stage.phone(victim) as client:
            account = Account(victim.username, word)
            answer = client.ask_as("REGISTER", stage.dialog(victim), account)
            _refused(answer, f"the password {word!r}")
            call = stage.dialog(victim, "600")
            _refused(client.ask_as("INVITE", call, account), f"a call with the password {word!r}")


def _other(stage: Stage) -> None:
    """Use one's own password in another's name."""
    victim = stage.cast.victim
    account = Account(victim.username, stage.cast.mallory.password)
    with stage.phone(victim) as client:
        _refused(client.ask_as("REGISTER", stage.dialog(victim), account), "another's password")


def _replay(stage: Stage) -> None:
    """Say a proof that was good a second time."""
    account = stage.cast.mallory
    with stage.phone(account) as client:
        dialog = stage.dialog(account)
        asked = client.ask("REGISTER", dialog)
        proof = stage.proof(asked, "REGISTER", client.uri(dialog), account)
        first = client.ask("REGISTER", dialog, extra=proof + "Expires: 0\r\n")
        if first.status != 200:
            raise Broken(f"the first time was answered {first.status}")
        again = client.ask("REGISTER", dialog, extra=proof)
        _refused(again, "the same proof again")
        if not any(one.get("stale", "").lower() == "true" for one in challenges(again)):
            raise Broken("the used nonce is not called stale: a phone would ask for a password")


def _replay_elsewhere(stage: Stage) -> None:
    """Say somebody's proof, heard on the way, from an address of one's own."""
    account = stage.cast.mallory
    with stage.phone(account) as client, stage.phone(account) as thief:
        dialog = stage.dialog(account)
        asked = client.ask("REGISTER", dialog)
        proof = stage.proof(asked, "REGISTER", client.uri(dialog), account)
        _refused(thief.ask("REGISTER", replace(dialog), extra=proof), "a stolen proof")


def _other_method(stage: Stage) -> None:
    """Use the proof of a registration for a call: the method is a part of it."""
    account = stage.cast.mallory
    with stage.phone(account) as client:
        dialog = stage.dialog(account, "600")
        asked = client.ask("INVITE", dialog, body=stage.offer(client))
        proof = stage.proof(asked, "REGISTER", client.uri(dialog), account)
        _refused(client.ask("INVITE", dialog, extra=proof, body=stage.offer(client)),
                 "the proof of a registration")  # fmt: skip


def _other_uri(stage: Stage) -> None:
    """Prove a request for one number, and dial another."""
    account = stage.cast.mallory
    with stage.phone(account) as client:
        dialog = stage.dialog(account, "600")
        asked = client.ask("INVITE", dialog, body=stage.offer(client))
        proof = stage.proof(asked, "INVITE", f"sip:601@{dialog.domain}", account)
        _refused(client.ask("INVITE", dialog, extra=proof, body=stage.offer(client)),
                 "the proof for another number")  # fmt: skip


def _expiring(stage: Stage) -> None:
    """Take away all registrations of the victim, without credentials."""
    with stage.stranger() as client:
        victim = stage.dialog(stage.cast.victim)
        text = client.request("REGISTER", victim, extra="Expires: 0\r\n")
        client.send(re.sub(r"Contact: .*", "Contact: *", text, count=1))
        if stage.outcome(client) not in {401, 403}:
            raise Broken("Contact: * without credentials was not refused")


def _known(ask: Callable[[Stage, str], str]) -> Callable[[Stage], None]:
    """Return an attack that asks for the victim and for nobody: no answer may tell them apart."""

    def attack(stage: Stage) -> None:
        known, unknown = (ask(stage, user) for user in (stage.cast.victim.username, NOBODY))
        if known != unknown:
            raise Broken(f"the victim is answered {known!r}, nobody {unknown!r}")

    return attack


def _by(method: str, uri: str, *, wrong: bool = False) -> Callable[[Stage, str], str]:
    """Return a question: this method for a user, with a wrong password where ``wrong``."""

    def ask(stage: Stage, user: str) -> str:
        account = Account(user, "wrong password")
        with stage.device({}) as client:
            dialog = stage.dialog(account, None if method == "REGISTER" else user)
            there = uri.replace("{user}", user).replace("{domain}", dialog.domain)
            if wrong:
                answer = client.ask_as(method, dialog, account, uri=there)
            else:
                answer = client.ask(method, dialog, there)
        return _anonymous(answer, user)

    return ask


def _anonymous(answer: Message, user: str) -> str:
    """Return what the answer says, without what differs in any two answers."""
    text = answer.text.replace(user, "USER")
    changing = (r"tag=[\w.-]+", r'nonce="[^"]*"', r"branch=\S+", r"(?m)^(Via|Call-ID|Date):.*$",
                r"(?m)^Content-Length:.*$", r"(?m)^(From|To|CSeq):.*$")  # fmt: skip
    for pattern in changing:
        text = re.sub(pattern, "", text, flags=re.IGNORECASE)
    return "\n".join(line for line in text.splitlines() if line.strip())


_LEARN = "OWASP user enumeration, svwar"


def _enumeration(name: str, what: str, ask: Callable[[Stage, str], str]) -> Case:
    return Case(f"enumerate-{name}", what, _LEARN, Layer.DIGEST, _known(ask))


_USER = "sip:{user}@{domain}"
_ENUMERATION = (
    _enumeration("register", "REGISTER of somebody and of nobody",
                 _by("REGISTER", "sip:{domain}")),
    _enumeration("register-wrong", "the same with a wrong password",
                 _by("REGISTER", "sip:{domain}", wrong=True)),
    _enumeration("invite", "INVITE to somebody and to nobody", _by("INVITE", _USER)),
    _enumeration("invite-wrong", "the same with a wrong password",
                 _by("INVITE", _USER, wrong=True)),
    _enumeration("options", "OPTIONS to somebody and to nobody", _by("OPTIONS", _USER)),
    _enumeration("message", "MESSAGE to somebody and to nobody", _by("MESSAGE", _USER)),
    _enumeration("subscribe", "SUBSCRIBE to somebody and to nobody", _by("SUBSCRIBE", _USER)),
)  # fmt: skip


def _scripted(name: str, what: str, origin: str, attack: Callable[[Stage], None]) -> Case:
    return Case(name, what, origin, Layer.DIGEST, attack)


CASES = (
    *map(_unproven, _METHODS),
    *_ODD,
    *_ENUMERATION,
    _scripted("password-guessing", "guesses at the victim's password", "svcrack", _guess),
    _scripted("password-of-another", "one's own password in another's name", "RFC 3261 22",
              _other),
    _scripted("nonce-replay", "a good proof, said twice", "RFC 7616 5.12", _replay),
    _scripted("nonce-elsewhere", "a proof that was overheard, from another address",
              "RFC 7616 5.4", _replay_elsewhere),
    _scripted("proof-of-other-method", "the proof of a registration for a call", "RFC 7616 3.4.3",
              _other_method),
    _scripted("proof-for-other-number", "the proof for 601, and 600 dialled", "RFC 7616 5.9",
              _other_uri),
    _scripted("unregister-all", "Contact: * of the victim without credentials",
              "RFC 3261 10.2.2", _expiring),
    Case("stranger-calls-user", "a caller from nowhere calls a user of ours", "stock kamailio.cfg",
         Layer.DIGEST,
         Sends(invite(uri="sip:{victim}@{domain}", caller="<sip:x@evil.example.net>"), (407,),
               port=0, layer=Layer.DIGEST)),
    Case("stranger-calls-out", "a caller from nowhere dials a premium number", "toll fraud",
         Layer.DIGEST,
         Sends(request("INVITE", "sip:0090012345678@{domain}", extra=SDP_TYPE, body=OFFER),
               (407,), port=0, layer=Layer.DIGEST)),
)  # fmt: skip
