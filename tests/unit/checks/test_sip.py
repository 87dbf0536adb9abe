from __future__ import annotations

from ringwall.checks import sip

_TRACE = """\
baresip is ready.
\x1b[36;1m#
TLS 10.5.1.7:5061 -> 10.5.1.2:5061
INVITE sip:600@10.5.1.2 SIP/2.0\r
Via: SIP/2.0/TLS 10.5.1.7:5061;branch=z9hG4bK1;rport\r
Call-ID: abc\r
CSeq: 7 INVITE\r
\r
v=0\r
o=- 1 1 IN IP4 10.5.1.7\r
c=IN IP4 10.5.1.8\r
a=rtcp:9 IN IP4 10.5.1.9\r
\x1b[;m
1000@10.5.1.2: selected
\x1b[36;1m#
TLS 10.5.1.2:5061 -> 10.5.1.7:5061
SIP/2.0 407 Proxy Authentication Required
Via: SIP/2.0/TLS 10.5.1.7:5061
Proxy-Authenticate: Digest a
proxy-authenticate: Digest b
CSeq: 7 INVITE

\x1b[;m
"""


def test_a_trace_is_read_message_by_message() -> None:
    invite, refused = sip.read_trace(_TRACE)
    assert (invite.transport, invite.source) == ("TLS", "10.5.1.7:5061")
    assert (invite.method, invite.status) == ("INVITE", None)
    assert (refused.method, refused.status) == ("INVITE", 407)
    assert refused.start_line == "SIP/2.0 407 Proxy Authentication Required"


def test_headers_are_found_by_any_spelling() -> None:
    invite, refused = sip.read_trace(_TRACE)
    assert invite.header("call-id") == "abc"
    assert invite.header("Contact") == ""
    assert refused.headers("Proxy-Authenticate") == ["Digest a", "Digest b"]


def test_every_media_address_is_found() -> None:
    invite, refused = sip.read_trace(_TRACE)
    assert invite.media_addresses() == {"10.5.1.7", "10.5.1.8", "10.5.1.9"}
    assert refused.media_addresses() == set()


def test_a_message_that_is_not_whole_yet_waits() -> None:
    assert sip.read_trace(_TRACE[:200]) == []
