"""The reason codes of refusals: what each means, and what to do about it.

docs/security/reasons.md has the same words; a test holds them together.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One code, in words for the engineer who looks into it."""

    code: str
    meaning: str
    remedy: str


_ALL = (
    Reason(
        "blocklisted",
        "An operator has blocked the source's address, or a network that it is in.",
        "`ringwall block list ADDRESS` shows the entry and its comment; `ringwall block remove`"
        " takes it off the list, `ringwall block allow ADDRESS` makes an exception of one address.",
    ),
    Reason(
        "flood",
        "The source sent more requests than its class may, and is ignored for a while.",
        "If it is an office or a carrier of yours, put its address into"
        " `security.flood.never_ban`, or widen the budget of its class in `security.flood`.",
    ),
    Reason(
        "malformed",
        "The request breaks the grammar or the limits of SIP (RFC 3261): a header is missing or"
        " cannot be read, the message or its Call-ID is too long, or the request URI holds bytes"
        " that no URI has.",
        "Capture the request and look at its first line, From, To, Call-ID, CSeq, Via and"
        " Content-Length. What sends it is a scanner, or needs a newer firmware.",
    ),
    Reason(
        "scanner",
        "The User-Agent or the SDP is that of an attack tool.",
        "Nothing, when it is one. A phone of yours that calls itself so needs another User-Agent,"
        " or its entry taken out of `security.scanners`.",
    ),
    Reason(
        "preloaded-route",
        "A Route header of the request leads to somebody else than this SBC: the sender wanted to"
        " choose its own way through it.",
        "Set the phone's outbound proxy to this SBC's address or domain, or leave it empty.",
    ),
    Reason(
        "not-our-domain",
        "The request URI names a domain or an address that is not this SBC's: it relays for"
        " nobody.",
        "Correct the server or domain in the phone, or add the domain to `sbc.domains`.",
    ),
    Reason(
        "no-dialog",
        "A request inside a call that the SBC does not know: the call is over, was never set up"
        " here, or the request was to leave it for somewhere else than its PBX.",
        "One at the end of a call is harmless: both sides hung up at once. Many, from a phone of"
        " yours, point to a NAT or a SIP ALG that changes tags or Route headers: switch it off.",
    ),
    Reason(
        "tls-required",
        "The request came without TLS, and the configuration asks for it.",
        "Set the phone to TLS, port 5061, or change `security.tls`.",
    ),
    Reason(
        "client-certificate",
        "The TLS client certificate is missing, expired, revoked, of another CA, or its name is"
        " not that of the user or trunk.",
        "Compare the certificate's subject and SAN with the user; issue a new one:"
        " `ringwall certs issue-client`.",
    ),
    Reason(
        "signature-missing",
        "The request has no X-Company-Signature, and its sender needs one: it is no official"
        " client, or one that does not sign this request.",
        "A client of yours has to send the header in every request outside a dialog, also in the"
        " one that repeats it with credentials. See docs/security/signature.md.",
    ),
    Reason(
        "signature-invalid",
        "The X-Company-Signature is not of the form, there are two, its key is unknown or retired,"
        " or it was made for another request.",
        "The log line `signature refused` tells the flaw. `ringwall signature keys` shows which"
        " keys are good; check the client against the test vector in docs/security/signature.md.",
    ),
    Reason(
        "signature-stale",
        "The X-Company-Signature is right, but its time is too far from the SBC's clock.",
        "Set the clocks of both by NTP, or widen `security.signature.window`. Often from strangers:"
        " somebody plays a recorded request.",
    ),
    Reason(
        "signature-replayed",
        "The X-Company-Signature is right, but its nonce was used in another Call-ID.",
        "The client has to draw a new nonce at random for each Call-ID.",
    ),
    Reason(
        "auth-failed",
        "Wrong password, or no such user: the answer is the same challenge for both.",
        "`ringwall subscribers list` shows whether the user exists; set a new password with"
        " `ringwall subscribers passwd USER` and put it into the phone. Mind its realm and its"
        " authentication user.",
    ),
    Reason(
        "locked-out",
        "Many wrong passwords came for this user, and this address is none that the user is known"
        " at: no password is good here for a while; the answer is that to a wrong one.",
        "It ends by itself. If it is the user's own phone at a new address, let it in with"
        " `ringwall subscribers unlock USER`. See docs/security/digest.md.",
    ),
    Reason(
        "identity-mismatch",
        "The password is right, but From (in a REGISTER: To) names another user or domain than"
        " the one who signed in.",
        "Set the phone's user name and authentication user to the same, and its domain to one of"
        " `sbc.domains`.",
    ),
    Reason(
        "no-such-user",
        "Nobody has the number or name that was asked for.",
        "`ringwall subscribers list` shows who there is; add it with `ringwall subscribers add`."
        " When a PBX asked, its dialplan sends a number here that is nobody's.",
    ),
    Reason(
        "no-backend",
        "No PBX node takes the call: all are down, or all of them failed it.",
        "`ringwall status` shows the nodes as Kamailio sees them; see `docker logs asterisk_1`.",
    ),
    Reason(
        "srtp-required",
        "The call was offered without SRTP, and the configuration asks for it.",
        "Switch on SRTP (SDES or DTLS) in the phone, or change `security.srtp`.",
    ),
    Reason(
        "no-media",
        "RTPengine did not take the call's media: it is down, out of ports, or cannot read the"
        " SDP.",
        "`ringwall status` shows whether it is up; see `docker logs rtpengine`.",
    ),
)

REASONS = {each.code: each for each in _ALL}


def explained(code: str) -> Reason:
    """Return what a code means; of one that is not known, that."""
    unknown = Reason(code, "This version does not know the code.", "Update Ringwall.")
    return REASONS.get(code, unknown)
