"""RFC 5118: messages with IPv6 addresses, to an SBC whose edge speaks IPv4."""

from __future__ import annotations

from ringwall.checks.audit.case import SILENCE
from ringwall.checks.audit.catalogue.notation import Torture, cases
from ringwall.checks.audit.layers import Layer


def _register(uri: str) -> str:
    return f"""REGISTER {uri} SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::1]>
CSeq: 98176 REGISTER
Content-Length: 0

"""


def _options(address: str) -> str:
    return f"""OPTIONS sip:user@[{address}] SIP/2.0
To: sip:user@[{address}]
From: sip:user@example.com;tag=810x2
Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111
Call-ID: G9559905523997077@hlau_4100
CSeq: 689 OPTIONS
Max-Forwards: 70
Content-Length: 0

"""


_TABLE = (
    Torture("ipv6-good", "4.1", "an IPv6 reference", _register("sip:[2001:db8::10]")),
    Torture(
        "ipv6-bad", "4.2", "an IPv6 address without brackets", _register("sip:2001:db8::10"),
        (400, SILENCE), None, Layer.SANITY,
    ),
    Torture(
        "port-ambiguous", "4.3", "a port that looks like a part of the address",
        _register("sip:[2001:db8::10:5070]"),
    ),
    Torture(
        "port-unambiguous", "4.4", "an IPv6 reference and a port",
        _register("sip:[2001:db8::10]:5070"),
    ),
    Torture(
        "via-received-param-with-delim", "4.5", "received= with brackets",
        """BYE sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com;tag=bd76ya
From: sip:user@example.com;tag=81x2
<allOneLine>
Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255]
;branch=z9hG4bKas3-111
</allOneLine>
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
CSeq: 321 BYE
Content-Length: 0

""",
        (481,), "no-dialog", Layer.DIALOG,
    ),
    Torture(
        "via-received-param-no-delim", "4.5", "received= without brackets",
        """OPTIONS sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3
Call-ID: SSG95523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::9:1]>
CSeq: 921 OPTIONS
Content-Length: 0

""",
    ),
    Torture(
        "ipv6-in-sdp", "4.6", "IPv6 in the session description",
        """INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "Caller" <sip:caller@[2001:db8::20]>
CSeq: 8612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: 268

v=0
o=assistant 971731711378798081 0 IN IP6 2001:db8::20
s=Live video feed for today's meeting
c=IN IP6 2001:db8::20
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
""",
        (400, 403), None,
    ),
    Torture(
        "mult-ip-in-header", "4.7", "IPv4 and IPv6 in one list of Via",
        """BYE sip:user@host.example.net SIP/2.0
Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144
<allOneLine>
Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj
;received=192.0.2.200
</allOneLine>
Call-ID: 997077@lau_4100
Max-Forwards: 70
CSeq: 89187 BYE
To: sip:user@example.net;tag=9817--94
From: sip:user@example.com;tag=81x2
Content-Length: 0

""",
        (481,), "no-dialog", Layer.DIALOG,
    ),
    Torture(
        "mult-ip-in-sdp", "4.8", "IPv4 and IPv6 in one session description",
        """INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "Caller" <sip:caller@[2001:db8::9:1]>
Max-Forwards: 70
CSeq: 8912 INVITE
Content-Type: application/sdp
Content-Length: 181

v=0
o=bob 280744730 28977631 IN IP4 host.example.com
s=
t=0 0
m=audio 22334 RTP/AVP 0
c=IN IP4 192.0.2.1
m=video 6024 RTP/AVP 107
c=IN IP6 2001:db8::1
a=rtpmap:107 H263-1998/90000
""",
        (400, 403), None,
    ),
    Torture(
        "ipv4-mapped-ipv6", "4.9", "IPv4 addresses mapped into IPv6",
        """INVITE sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:user@east.example.com;tag=81x2
Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19
Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "T. desk phone" <sip:ted@[::ffff:192.0.2.2]>
CSeq: 612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: 236

v=0
o=assistant 971731711378798081 0 IN IP6 ::ffff:192.0.2.2
s=Call me soon, please!
c=IN IP6 ::ffff:192.0.2.2
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
""",
        (400, 403), None, port=19823,
    ),
    Torture(
        "ipv6-bug-abnf-3-colons", "4.10", "three colons, as the grammar of RFC 3261 has them",
        _options("2001:db8:::192.0.2.1"), (400, 403, SILENCE), None, Layer.SANITY,
    ),
    Torture(
        "ipv6-correct-abnf-2-colons", "4.10", "two colons, as it should have",
        _options("2001:db8::192.0.2.1"),
    ),
)  # fmt: skip
CASES = cases("RFC 5118", _TABLE)
