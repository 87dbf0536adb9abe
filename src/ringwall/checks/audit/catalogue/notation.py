"""The notation of RFC 4475 section 2 for messages that cannot be printed, and its cases."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ringwall.checks.audit.case import SILENCE, Case, Outcome, Sends
from ringwall.checks.audit.layers import Layer

_LONG = re.compile(r"<allOneLine>\n(.*?)\n</allOneLine>", re.DOTALL)
_REPEAT = re.compile(r"<repeat count=(\d+)>(.*?)</repeat>", re.DOTALL)
_HEX = re.compile(r"<hex>([0-9A-F]*)</hex>")


def message(text: str) -> str:
    """Return the message that the notation stands for; it ends where a datagram would.

    ``<allOneLine>`` joins lines, ``<repeat count=N>`` repeats, ``<hex>`` gives bytes (those that
    are no UTF-8 become surrogates, as ``Client.send`` takes them).
    """
    text = _LONG.sub(lambda found: found[1].replace("\n", ""), text)
    text = _REPEAT.sub(lambda found: found[2] * int(found[1]), text)
    text = text.replace("\n", "\r\n")
    if "\r\n\r\n" not in text:
        text += "\r\n"
    return _HEX.sub(lambda found: bytes.fromhex(found[1]).decode(errors="surrogateescape"), text)


@dataclass(frozen=True)
class Torture:
    """A message of an RFC; ``ours`` has the outcomes where its host is one of our domains."""

    name: str
    section: str
    what: str
    text: str
    answers: tuple[Outcome, ...] = (403,)
    reason: str | None = "not-our-domain"
    layer: Layer = Layer.DOMAIN
    ours: tuple[Outcome, ...] | None = None
    ours_reason: str | None = None
    ours_layer: Layer = Layer.DIGEST
    port: int = 5060
    """Where its Via wants the answer."""


def cases(rfc: str, table: tuple[Torture, ...]) -> tuple[Case, ...]:
    """Return the cases of a table: each message as it is, and to one of our domains."""
    found: list[Case] = []
    for one in table:
        name, origin = f"{rfc.lower().replace(' ', '')}-{one.name}", f"{rfc} {one.section}"
        text = message(one.text)
        as_is = Sends(text, one.answers, one.reason, port=one.port, layer=one.layer)
        found.append(Case(name, one.what, origin, one.layer, as_is))
        if one.ours is not None:
            to_us = Sends(_to_us(text), one.ours, one.ours_reason, layer=one.ours_layer)
            what = f"{one.what}, to a domain of ours"
            found.append(Case(f"{name}-ours", what, origin, one.ours_layer, to_us))
    return tuple(found)


def _to_us(text: str) -> str:
    """Put our domain into the request line, where the RFC's is."""
    first, _, rest = text.partition("\r\n")
    host = re.sub(r"(?:[\w-]+\.)*example\.(?:com|net|org)(?=[^@]*$)", "{domain}", first)
    return f"{host}\r\n{rest}"


SILENT: tuple[Outcome, ...] = (SILENCE,)
