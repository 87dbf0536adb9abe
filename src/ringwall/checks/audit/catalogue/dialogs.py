"""Requests that claim a dialog, a way through the SBC, or a domain that is not ours."""

from __future__ import annotations

from ringwall.checks.audit.case import SILENCE, Case, Outcome, Sends
from ringwall.checks.audit.catalogue.requests import invite, request
from ringwall.checks.audit.layers import Layer

_TAGGED = "<sip:600@{domain}>;tag=as{id}"
_METHODS = (
    "INVITE", "BYE", "INFO", "UPDATE", "MESSAGE", "NOTIFY", "REFER", "PRACK", "SUBSCRIBE",
    "OPTIONS",
)  # fmt: skip


def _case(
    name: str, what: str, text: str, answers: tuple[Outcome, ...], reason: str | None,
    origin: str = "RFC 3261 12.2", layer: Layer = Layer.DIALOG,
) -> Case:  # fmt: skip
    return Case(name, what, origin, layer, Sends(text, answers, reason, port=0, layer=layer))


def _spelt(name: str, what: str, to: str, answers: tuple[Outcome, ...], reason: str | None) -> Case:
    """A To tag in an odd spelling is a To tag: else a fake dialog goes by the name of a new one."""
    text = request("INFO").replace("To: <sip:600@{domain}>", to)
    return _case(f"to-tag-{name}", what, text, answers, reason, "RFC 3261 8.2.6.2")


_NO_DIALOG: tuple[Outcome, ...] = (481,)
_FAKE = tuple(
    _case(
        f"fake-dialog-{method.lower()}", f"{method} with a To tag of no dialog",
        request(method, callee=_TAGGED), _NO_DIALOG, "no-dialog",
    )
    for method in _METHODS
)  # fmt: skip
_SPELLINGS = (
    _spelt("upper-case", "TAG in capitals", "To: <sip:600@{domain}>;TAG=x", (481,), "no-dialog"),
    _spelt("spaces", "white space around ; and =", "To: <sip:600@{domain}> ; tag = x",
           (481,), "no-dialog"),
    _spelt("folded", "the tag on a line of its own", "To: <sip:600@{domain}>\r\n ;tag=x",
           (481,), "no-dialog"),
    _spelt("compact", "the compact form of To", "t: <sip:600@{domain}>;tag=x",
           (481,), "no-dialog"),
    _spelt("bare-uri", "a URI without < >", "To: sip:600@{domain};tag=x", (481,), "no-dialog"),
    _spelt("second", "two tags", "To: <sip:600@{domain}>;tag=x;tag=y", (481, 400), None),
    _spelt("after-others", "the tag after other parameters",
           'To: "tag=no" <sip:600@{domain};tag=no>;a="tag=no;";tag=x', (481,), "no-dialog"),
)  # fmt: skip
_HIDDEN = (
    _case(
        "to-twice", "two To headers, the second with a tag",
        invite().replace("Call-ID:", "To: <sip:600@{domain}>;tag=x\r\nCall-ID:"),
        (400, SILENCE), None, "RFC 3261 7.3.1", Layer.SANITY,
    ),
    _case(
        "to-tag-in-name", "the word tag in the display name alone: no dialog is claimed",
        invite(callee='"x;tag=y" <sip:600@{domain}>'), (407,), None, layer=Layer.DIGEST,
    ),
    _case(
        "to-tag-in-uri", "a tag that belongs to the URI: no dialog is claimed",
        invite(callee="<sip:600@{domain};tag=x>"), (407,), None, layer=Layer.DIGEST,
    ),
    _case(
        "cancel-of-nothing", "CANCEL of no transaction", request("CANCEL"), (SILENCE, 481), None,
        "RFC 3261 9.2",
    ),
    _case(
        "ack-of-nothing", "ACK of no transaction, and of no dialog", request("ACK"), (SILENCE,),
        None, "RFC 3261 17.1.1.3",
    ),
    _case(
        "ack-of-no-dialog", "ACK with a To tag of no dialog", request("ACK", callee=_TAGGED),
        (SILENCE,), None, "RFC 3261 13.2.2.4",
    ),
)  # fmt: skip
_REFUSED: tuple[Outcome, ...] = (403,)


def _routed(name: str, what: str, *routes: str, reason: str | None = "preloaded-route") -> Case:
    extra = "".join(f"Route: {route}\r\n" for route in routes)
    text = invite(extra=extra)
    return _case(f"route-{name}", what, text, _REFUSED, reason, "RFC 3261 16.4, 26.1.1")


_ROUTES = (
    _routed("elsewhere", "a Route to the Internet", "<sip:192.0.2.9;lr>"),
    _routed("us-then-elsewhere", "our own Route, and then one to the Internet",
            "<sip:{edge};lr>", "<sip:192.0.2.9;lr>"),
    _routed("in-one-line", "both in one header", "<sip:{edge};lr>, <sip:192.0.2.9;lr>"),
    _routed("to-pbx", "a Route to the PBX, past the dialplan's ways", "<sip:{pbx};lr>"),
    _routed("us-then-pbx", "our own Route, and then the PBX", "<sip:{edge};lr>, <sip:{pbx};lr>"),
    _routed("to-control", "a Route to the API of the control plane",
            "<sip:{control}:8080;transport=tcp;lr>"),
    _routed("to-media", "a Route to the control port of the media relay",
            "<sip:{edge};lr>, <sip:{media}:22222;lr>"),
    _routed("to-loopback", "a Route to the SBC's own loopback", "<sip:{edge};lr>",
            "<sip:127.0.0.1:9090;transport=tcp;lr>"),
    _routed("strict", "a Route of RFC 2543, without lr", "<sip:192.0.2.9>", reason=None),
    _routed("maddr", "our own Route with maddr", "<sip:{edge};lr;maddr=192.0.2.9>, "
            "<sip:192.0.2.9;lr>"),
)  # fmt: skip


def _foreign(name: str, what: str, uri: str, method: str = "INVITE") -> Case:
    return _case(
        f"foreign-{name}", what, request(method, uri), _REFUSED, "not-our-domain",
        "RFC 3261 26.1.3 (open relay)", Layer.DOMAIN,
    )  # fmt: skip


_DOMAINS = (
    _foreign("domain", "a call to a domain of somebody else", "sip:+900@evil.example.net"),
    _foreign("address", "a call to an address of the Internet", "sip:+900@192.0.2.9"),
    _foreign("pbx", "a call to the PBX by its inside address", "sip:600@{pbx}"),
    _foreign("register", "a registration at somebody else's", "sip:evil.example.net", "REGISTER"),
    _foreign("message", "a MESSAGE to somebody else", "sip:x@evil.example.net", "MESSAGE"),
    _foreign("options", "OPTIONS through us", "sip:x@192.0.2.9", "OPTIONS"),
    _foreign("suffix", "our domain as the beginning of another", "sip:600@{domain}.evil.example"),
)
CASES = _FAKE + _SPELLINGS + _HIDDEN + _ROUTES + _DOMAINS
