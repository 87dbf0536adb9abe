"""The catalogue as data: names, notation, and what is due in which system."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ringwall.checks.audit.case import Sends
from ringwall.checks.audit.catalogue import FAMILIES, identity, requests
from ringwall.checks.audit.catalogue.notation import message
from ringwall.checks.audit.layers import Layer
from ringwall.config.model import Settings
from ringwall.runtime.recipes import STACK

if TYPE_CHECKING:
    from ringwall.checks.audit.case import Case, Outcome

_ALL = [case for family in FAMILIES for case in family.cases]
# Whose Content-Length is what is wrong with them, or which have none.
_WRONG_LENGTH = {
    "wsinv", "clerr", "ncl", "scalarlg", "mcl01", "inv2543", "ltgtruri", "dblreq", "ipv6-in-sdp",
    "mult-ip-in-sdp", "ipv4-mapped-ipv6", "novelsc",
}  # fmt: skip


def _settings(**security: object) -> Settings:
    return Settings.model_validate({"security": security})


def test_names_are_unique() -> None:
    names = [case.name for case in _ALL] + [family.name for family in FAMILIES]
    assert len(names) == len(set(names)) > 300


def test_the_rfcs_are_whole() -> None:
    names = {case.name for case in _ALL if not case.name.endswith("-ours")}
    assert len([name for name in names if name.startswith("rfc4475-")]) == 49
    assert len([name for name in names if name.startswith("rfc5118-")]) == 12


def _of_rfcs() -> list[Case]:
    found = [case for case in _ALL if case.name.startswith("rfc")]
    return [case for case in found if not any(word in case.name for word in _WRONG_LENGTH)]


@pytest.mark.parametrize("case", _of_rfcs(), ids=lambda case: case.name)
def test_messages_of_the_rfcs_are_as_long_as_they_say(case: Case) -> None:
    """What was mistyped would be refused for another reason than the RFC's."""
    assert isinstance(case.attack, Sends)
    raw = case.attack.text.encode(errors="surrogateescape")
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = [line.partition(b":") for line in head.split(b"\r\n")]
    told = [int(v) for k, _, v in lines if k.strip().lower() in {b"content-length", b"l"}]
    assert set(told) == {len(body)}


def test_the_notation() -> None:
    text = "a\n<allOneLine>\nb<repeat count=3>c</repeat>\n d\n</allOneLine>\n<hex>00FF0A</hex>\n"
    assert message(text) == "a\r\nbccc d\r\n\x00\udcff\n\r\n\r\n"


def test_every_trusted_header_has_its_cases() -> None:
    names = {case.name for case in _ALL}
    assert {"smuggled-x-cid", "smuggled-p-asserted-identity", "smuggled-others"} <= names
    hygiene = (STACK / "kamailio" / "routes" / "hygiene.cfg").read_text()
    removed = re.search(r"remove_hf_re\(\"\^\((.*)\)\$\"\)", hygiene)
    assert removed
    trusted = [name.replace("P-Charging-Vector", "P-Charging-.*") for name in identity.TRUSTED]
    assert set(removed[1].split("|")) == set(trusted)


@pytest.mark.parametrize(
    ("security", "transport", "layer", "due"),
    [
        ({}, "udp", Layer.DIGEST, ((401,), None)),
        ({"tls": {"required": True}}, "udp", Layer.DIGEST, ((403,), "tls-required")),
        ({"tls": {"required": True}}, "tcp", Layer.MEDIA, ((403,), "tls-required")),
        ({"tls": {"required": True}}, "udp", Layer.SANITY, ((401,), None)),
        ({"tls": {"required": True}}, "tls", Layer.DIGEST, ((401,), None)),
        ({"tls": {"client_certificates": "required"}}, "udp", Layer.DIGEST,
         ((403,), "tls-required")),
        ({"tls": {"client_certificates": "required"}}, "tls", Layer.DIGEST,
         ((403,), "client-certificate")),
        ({"tls": {"client_certificates": "required"}}, "udp", Layer.DOMAIN, ((401,), None)),
    ],
)  # fmt: skip
def test_what_is_due_depends_on_what_comes_before(
    security: dict[str, object], transport: str, layer: Layer, due: tuple[tuple[Outcome, ...], str]
) -> None:
    send = Sends("x", (401,), transport=transport, layer=layer)  # type: ignore[arg-type]
    assert send.due(_settings(**security)) == due


def test_cases_say_where_they_do_not_apply() -> None:
    plain, strict = _settings(), _settings(srtp={"edge": "required"})
    by_name = {case.name: case for case in _ALL}
    assert by_name["srtp-plain-offer"].does_not_apply(plain) is not None
    assert by_name["srtp-plain-offer"].does_not_apply(strict) is None
    assert by_name["rtp-injection"].does_not_apply(strict) is not None


def test_only_messages_that_name_nobody_go_to_a_stranger() -> None:
    allowed = {case.name for case in _ALL if case.message is not None}
    assert "rfc4475-wsinv" in allowed
    assert not {"flood-options", "svmap", "no-credentials-invite", "route-to-pbx"} & allowed


def test_a_request_is_one() -> None:
    text = requests.invite()
    assert text.startswith("INVITE sip:600@{domain} SIP/2.0\r\n")
    assert "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\nv=0" in text
