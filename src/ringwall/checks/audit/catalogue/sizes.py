"""Lengths, numbers and counts that no honest phone sends."""

from __future__ import annotations

from ringwall.checks.audit.case import SILENCE, Case, Outcome, Sends
from ringwall.checks.audit.catalogue.requests import OFFER, SDP_TYPE, invite, request
from ringwall.checks.audit.layers import Layer

_TO_US = "sip:600@{domain}"


def _case(
    name: str, what: str, text: str, answers: tuple[Outcome, ...], reason: str | None,
    origin: str = "RFC 3261 20", layer: Layer = Layer.SANITY,
) -> Case:  # fmt: skip
    return Case(name, what, origin, layer, Sends(text, answers, reason, port=0, layer=layer))


def _length(name: str, what: str, value: str, *answers: Outcome) -> Case:
    text = invite().replace("{length}", value)
    return _case(f"length-{name}", what, text, answers, None, "RFC 3261 18.3")


_LENGTHS = (
    _length("negative", "Content-Length: -1", "-1", 400, SILENCE),
    _length("huge", "Content-Length: 2^31", "2147483648", 400, SILENCE),
    _length("beyond-64-bit", "Content-Length: 2^64", "18446744073709551616", 400, SILENCE),
    _length("text", "Content-Length: none", "none", 400, SILENCE),
    _length("too-long", "Content-Length ten bytes above the body's", "120", 400),
    _length("two-numbers", "Content-Length: 1, 2", "1, 2", 400, SILENCE),
)


def _sequence(name: str, what: str, cseq: str, *answers: Outcome) -> Case:
    text = request("INFO", cseq=cseq)
    return _case(f"cseq-{name}", what, text, answers, None, "RFC 3261 8.1.1.5")


_SEQUENCES = (
    _sequence("2-31", "CSeq 2^31, the first that is too large", "2147483648", 400),
    _sequence("2-32", "CSeq 2^32", "4294967296", 400),
    _sequence("negative", "a negative CSeq", "-1", 400, SILENCE),
    _sequence("text", "a CSeq that is no number", "one", 400, SILENCE),
)


def _hops(name: str, what: str, hops: str, *answers: Outcome) -> Case:
    text = request("INVITE", hops=hops, extra=SDP_TYPE, body=OFFER)
    return _case(f"hops-{name}", what, text, answers, None, "RFC 3261 16.3, RFC 5393")


_HOPS = (
    _hops("zero", "Max-Forwards: 0", "0", 483),
    _hops("negative", "Max-Forwards: -1", "-1", 400, 483, SILENCE),
    _hops("text", "Max-Forwards: many", "many", 400, 483, SILENCE),
    _hops("huge", "Max-Forwards: 2^32", "4294967296", 400, 483, SILENCE),
    _case(
        "hops-loop", "a Via that is our own: a request that comes back",
        invite(extra="Via: SIP/2.0/UDP {edge}:5060;branch=z9hG4bK{id}x\r\n"),
        (407, 482), None, "RFC 3261 16.3", Layer.DIGEST,
    ),
)  # fmt: skip
_BIG = 40_000
"""More than Kamailio reads from a datagram (32,767 bytes): it drops it unseen."""
_SIZES = (
    _case("size-message", "a message of 40 kB", request("MESSAGE", body="x" * _BIG), (SILENCE,),
          None, "RFC 3261 18.1.1"),
    _case("size-header", "a header of 40 kB", request("OPTIONS", extra=f"X: {'x' * _BIG}\r\n"),
          (SILENCE,), None),
    _case("size-body-of-call", "a call with 40 kB of session description",
          request("INVITE", extra=SDP_TYPE, body=OFFER + "a=x:" + "y" * _BIG), (SILENCE,),
          None),
    _case("size-call-id", "a Call-ID of 2,000 bytes",
          request("OPTIONS", "sip:{edge}").replace("Call-ID: {id}", "Call-ID: " + "c" * 2000),
          (400,), "malformed"),
    _case("size-user", "a user of 8,000 bytes", request("INVITE", f"sip:{'u' * 8000}@{{domain}}"),
          (400, 407), None, layer=Layer.DIGEST),
    _case("size-display-name", "a display name of 8,000 bytes",
          request("INFO", caller=f'"{"n" * 8000}" <sip:{{nobody}}@{{domain}}>'), (400, 407), None,
          layer=Layer.DIGEST),
    _case("count-headers", "a thousand headers",
          request("INFO", extra="".join(f"X-{n}: {n}\r\n" for n in range(1000))), (400, 407),
          None, layer=Layer.DIGEST),
    _case("count-via", "300 Vias",
          request("INFO", extra="Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n" * 300),
          (400, 407), None, layer=Layer.DIGEST),
    _case("count-parameters", "500 parameters of a URI",
          request("INFO", "sip:600@{domain}" + "".join(f";p{n}={n}" for n in range(500))),
          (400, 407), None, layer=Layer.DIGEST),
    _case("count-contacts", "200 Contacts in a registration",
          request("REGISTER", "sip:{domain}",
                  extra="".join(f"Contact: <sip:{n}@192.0.2.1>\r\n" for n in range(200))),
          (400, 401, 503), None, layer=Layer.DIGEST),
    _case("bytes-in-uri", "bytes that no URI has",
          request("INVITE", "sip:6\udc80\udcff00@{domain}", callee="<sip:600@{domain}>"),
          (400,), "malformed", "RFC 3986"),
    _case("nul-in-header", "a NUL in a header",
          request("INFO", extra="Subject: a\x00b\r\n"), (400, 407), None, layer=Layer.DIGEST),
    _case("no-via", "no Via", request("OPTIONS").replace("Via:", "X-Via:"), (SILENCE,), None),
    _case("no-call-id", "no Call-ID", request("INFO").replace("Call-ID:", "X-Id:"),
          (400, SILENCE), None),
    _case("garbage", "bytes that are no SIP", "\x00\x01\udcfe" * 300, (SILENCE,), None),
    _case("request-line-only", "a request line and nothing else", "INVITE sip:x SIP/2.0\r\n\r\n",
          (SILENCE,), None),
)  # fmt: skip
CASES = _LENGTHS + _SEQUENCES + _HOPS + _SIZES
