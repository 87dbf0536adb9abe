"""Attack tools: by their names, by their descriptions, and SIPVicious itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringwall.checks.audit.case import CLOSED, SILENCE, Broken, Case, Sends
from ringwall.checks.audit.catalogue.requests import OFFER, SDP_TYPE, request
from ringwall.checks.audit.layers import Layer

if TYPE_CHECKING:
    from ringwall.checks.audit.stage import Stage

_NAMES = (
    "friendly-scanner", "Friendly_Scanner/2", "sipvicious", "sipcli/v1.8", "sundayddr", "iWar",
    "smap 0.6", "VaxSIPUserAgent/3.1", "pplsip", "sip-scan",
)  # fmt: skip


def _named(name: str) -> Case:
    text = request("OPTIONS", "sip:{edge}", extra=f"User-Agent: {name}\r\n")
    word = "".join(each if each.isalnum() else "-" for each in name.lower())
    send = Sends(text, (SILENCE,), "scanner", port=0, layer=Layer.SCANNERS)
    return Case(f"tool-{word}", f"a tool that calls itself {name}", "SIPVicious and its likes",
                Layer.SCANNERS, send)  # fmt: skip


def _text(name: str, what: str, text: str) -> Case:
    send = Sends(text, (SILENCE,), "scanner", port=0, layer=Layer.SCANNERS)
    return Case(name, what, "PortSIP scanners, sipcli", Layer.SCANNERS, send)


def _list(*words: str) -> tuple[str, ...]:
    """Return a shell that writes the words to /tmp/words and runs what follows."""
    return ("sh", "-c", 'printf "%s\\n" "$0" >/tmp/words; exec "$@"', "\n".join(words))


def _run(stage: Stage, *argv: str) -> str:
    """Run a tool; it says how it ends, else it was not there at all."""
    said = stage.attacker.run(*argv, timeout=90)
    if "WARNING" not in said and "ERROR" not in said and "|" not in said:
        raise Broken(f"{argv[0]} did not run: {said[-200:]}")
    return said


def _map(stage: Stage) -> None:
    """Let svmap look for us, with the name that it gives itself."""
    said = _run(stage, "svmap", "-b", stage.fresh(), "-p", "5060", stage.target)
    if "SIP Device" in said:
        raise Broken(f"svmap found the SBC: {said[-300:]}")


def _enumerate(stage: Stage) -> None:
    """Let svwar look for extensions, the victim's among them, by each method that it knows."""
    victim = stage.cast.victim.username
    words = _list(victim, "100", "1000", "600", "601")
    for method in ("REGISTER", "OPTIONS", "INVITE"):
        tool = ("svwar", "-b", stage.fresh(), "-m", method, "-d", "/tmp/words", stage.target)  # noqa: S108
        said = _run(stage, *words, *tool)
        if "Authentication" in said or victim in said:
            raise Broken(f"svwar -m {method} learned of an extension: {said[-300:]}")


def _crack(stage: Stage) -> None:
    """Let svcrack try passwords, the right one among them."""
    victim = stage.cast.victim
    words = _list("1234", "password", victim.password)
    tool = ("svcrack", "-b", stage.fresh(), "-u", victim.username, "-d", "/tmp/words")  # noqa: S108
    if victim.password in _run(stage, *words, *tool, stage.target):
        raise Broken("svcrack learned the password")


CASES = (
    *map(_named, _NAMES),
    _text("tool-second-name", "a phone's User-Agent, and a tool's after it",
          request("OPTIONS", "sip:{edge}",
                  extra="User-Agent: Yealink\r\nUser-Agent: sipvicious\r\n")),
    _text("tool-folded-name", "a tool's name on two lines",
          request("OPTIONS", "sip:{edge}", extra="User-Agent: friendly\r\n scanner\r\n")),
    _text("tool-session", "a call that only its description tells from a phone's",
          request("INVITE", extra=SDP_TYPE, body=OFFER.replace("s=-", "s=sipcli"))),
    Case("tool-over-tcp", "a tool over TCP", "SIPVicious", Layer.SCANNERS,
         Sends(request("OPTIONS", "sip:{edge}", extra="User-Agent: smap\r\n"), (CLOSED,),
               "scanner", transport="tcp", port=0, layer=Layer.SCANNERS)),
    Case("svmap", "SIPVicious' svmap, as it comes", "SIPVicious 0.3.3", Layer.SCANNERS, _map),
    Case("svwar", "SIPVicious' svwar, by REGISTER, OPTIONS and INVITE", "SIPVicious 0.3.3",
         Layer.SCANNERS, _enumerate),
    Case("svcrack", "SIPVicious' svcrack, which has the right password in its list",
         "SIPVicious 0.3.3",
         Layer.SCANNERS, _crack),
)  # fmt: skip
