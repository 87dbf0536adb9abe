"""Session descriptions and multipart bodies that are broken, from a subscriber."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringwall.checks.audit import legit
from ringwall.checks.audit.case import Broken, Case
from ringwall.checks.audit.layers import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringwall.checks.audit.stage import Stage

_HEAD = "v=0\r\no=- 1 1 IN IP4 {me}\r\ns=-\r\nc=IN IP4 {me}\r\nt=0 0\r\n"
_AUDIO = "m=audio 40000 RTP/AVP 0\r\n"
_MIXED = "multipart/mixed;boundary=b"


def _body(text: str, kind: str = "application/sdp") -> Callable[[Stage], None]:
    """Return an attack: a call with this body, which must be answered, whatever with."""

    def attack(stage: Stage) -> None:
        mallory = stage.cast.mallory
        with stage.phone(mallory) as client:
            client.patience(10)
            dialog = stage.dialog(mallory, legit.ECHO)
            body = stage.filled(text, client)
            try:
                answer = client.ask_as(
                    "INVITE", dialog, mallory, extra=f"Content-Type: {kind}\r\n", body=body
                )
            except ConnectionError:
                return  # over TCP, what is too long ends the connection
            except TimeoutError:
                raise Broken("was not answered: the caller waits for nothing") from None
            if answer.status == 200:
                dialog.establish(answer)
                client.send(client.request("ACK", dialog))
                client.ask("BYE", dialog)
            else:
                client.send(client.acknowledge(dialog, answer))

    return attack


def _part(body: str, boundary: str = "b") -> str:
    return f"--{boundary}\r\nContent-Type: application/sdp\r\n\r\n{body}\r\n"


_GOOD = _HEAD + _AUDIO
_BODIES = (
    ("sdp-empty", "a type and no description", ""),
    ("sdp-no-media", "no stream at all", _HEAD),
    ("sdp-no-origin", "neither v= nor o=", _AUDIO),
    ("sdp-port-huge", "port 70000", _GOOD.replace("40000", "70000")),
    ("sdp-port-negative", "port -1", _GOOD.replace("40000", "-1")),
    ("sdp-port-text", "a port that is no number", _GOOD.replace("40000", "many")),
    ("sdp-no-address", "a stream without an address", _GOOD.replace("c=IN IP4 {me}\r\n", "")),
    ("sdp-bad-address", "an address that is none", _GOOD.replace("c=IN IP4 {me}", "c=IN IP4 999")),
    ("sdp-loopback", "the relay's own loopback", _GOOD.replace("IP4 {me}", "IP4 127.0.0.1")),
    ("sdp-inside", "the inside address of the database",
     _GOOD.replace("c=IN IP4 {me}", "c=IN IP4 {mariadb}")),
    ("sdp-broadcast", "a broadcast address", _GOOD.replace("IP4 {me}", "IP4 255.255.255.255")),
    ("sdp-no-end", "no line end", _GOOD.rstrip()),
    ("sdp-lf", "line feeds alone", _GOOD.replace("\r\n", "\n")),
    ("sdp-binary", "bytes that are no text", _GOOD + "a=\udcff\x01\udc80\r\n"),
    ("sdp-nul", "a NUL in a line", _GOOD + "a=x\x00y\r\n"),
    ("sdp-many-attributes", "2,000 attributes", _GOOD + "a=x:y\r\n" * 2000),
    ("sdp-long-line", "a line of 20,000 bytes", _GOOD + "a=" + "x" * 20_000 + "\r\n"),
    ("sdp-many-payloads", "500 payload types",
     _HEAD + "m=audio 40000 RTP/AVP " + " ".join(map(str, range(500))) + "\r\n"),
    ("sdp-bad-crypto", "keys that are none", _GOOD + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
     "inline:x\r\na=crypto:99999999999 X inline:\r\n"),
    ("sdp-bad-fingerprint", "a fingerprint that is none", _GOOD + "a=fingerprint:sha-256 XX\r\n"
     "a=setup:x\r\n"),
    ("sdp-bad-candidate", "ICE candidates that are none", _GOOD + "a=ice-ufrag:x\r\n"
     "a=candidate:1 1 UDP -1 999 0 typ x\r\n"),
)  # fmt: skip
_PARTS = (
    ("multipart-no-boundary", "multipart without a boundary", _GOOD, "multipart/mixed"),
    ("multipart-empty-boundary", "an empty boundary", _part(_GOOD, ""),
     'multipart/mixed;boundary=""'),
    ("multipart-endless", "a part that never ends", _part(_GOOD), _MIXED),
    ("multipart-no-part", "a boundary and no part", "--b--\r\n", _MIXED),
    ("multipart-boundary-alone", "the beginning of a boundary, at the very end", "--", _MIXED),
    ("multipart-long-boundary", "a boundary of 8,000 bytes", _part(_GOOD, "b" * 8000),
     f"multipart/mixed;boundary={'b' * 8000}"),
    ("multipart-many", "500 parts", _part("x") * 500 + _part(_GOOD) + "--b--\r\n", _MIXED),
    ("multipart-nested", "parts in parts, twenty deep",
     "".join(f"--{'b' * n}\r\nContent-Type: multipart/mixed;boundary={'b' * (n + 1)}\r\n\r\n"
             for n in range(1, 21)) + _GOOD, _MIXED),
    ("multipart-two-descriptions", "two descriptions", _part(_GOOD) * 2 + "--b--\r\n", _MIXED),
)  # fmt: skip
CASES = tuple(
    Case(name, what, "RFC 8866", Layer.MEDIA, _body(text)) for name, what, text in _BODIES
) + tuple(
    Case(name, what, "kamailio 6.1.4 (heap overflow in multipart), RFC 5621", Layer.MEDIA,
         _body(text, kind))
    for name, what, text, kind in _PARTS
)  # fmt: skip
