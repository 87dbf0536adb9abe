"""Requests as text, with the placeholders of ``Edge.filled``."""

from __future__ import annotations

OFFER = "v=0\r\no=- 1 1 IN IP4 {me}\r\ns=-\r\nc=IN IP4 {me}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
SDP_TYPE = "Content-Type: application/sdp\r\n"


def request(
    method: str,
    uri: str = "sip:600@{domain}",
    *,
    caller: str = "<sip:{nobody}@{domain}>",
    callee: str | None = None,
    extra: str = "",
    body: str = "",
    cseq: str = "1",
    hops: str = "70",
) -> str:
    """Write a request; ``caller`` and ``callee`` are From, without its tag, and To."""
    return (
        f"{method} {uri} SIP/2.0\r\n"
        "Via: SIP/2.0/{transport} {me}:{port};rport;branch=z9hG4bK{id}\r\n"
        f"Max-Forwards: {hops}\r\n"
        f"From: {caller};tag={{id}}\r\n"
        f"To: {callee or f'<{uri}>'}\r\n"
        "Call-ID: {id}\r\n"
        f"CSeq: {cseq} {method}\r\n"
        "Contact: <sip:{nobody}@{me}:{port};transport={transport}>\r\n"
        f"{extra}Content-Length: {{length}}\r\n\r\n{body}"
    )


def invite(*, extra: str = "", **more: str) -> str:
    """Write an INVITE with an offer."""
    return request("INVITE", extra=extra + SDP_TYPE, body=OFFER, **more)
