"""Hold and resume of a call with SRTP (SDES, RFC 4568): by a client of our own.

Debian's baresip (1.1) hangs now and then when it starts SRTP for a second time.
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import TYPE_CHECKING

from pylibsrtp import Policy, Session
from tests.system.raw import Dialog, RawClient
from tests.system.test_media_offers import Call, Talk, established, media_of

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.sip import Message

_SUITE = "AES_CM_128_HMAC_SHA1_80"


class SecureTalk(Talk):
    """The media end of a client that says and hears nothing but SRTP."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._key = secrets.token_bytes(30)
        self._out = Session(Policy(key=self._key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
        self._in = self._out

    @property
    def line(self) -> str:
        """Our key."""
        return f"a=crypto:1 {_SUITE} inline:{base64.b64encode(self._key).decode()}\r\n"

    def agree(self, answer: Message) -> None:
        """Take the other end's key."""
        assert re.search(r"^m=audio \d+ RTP/SAVP ", answer.body, re.MULTILINE), answer.text
        found = re.search(rf"^a=crypto:1 {_SUITE} inline:(\S+)", answer.body, re.MULTILINE)
        assert found, answer.text
        key = base64.b64decode(found[1])
        self._in = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND))

    def protected(self, packet: bytes) -> bytes:
        return bytes(self._out.protect(packet))

    def bare(self, packet: bytes) -> bytes:
        return bytes(self._in.unprotect(packet))


class SecureCall(Call):
    """A call whose every description asks for SRTP."""

    talk: SecureTalk

    def describe(self, payload: str = "0", direction: str = "sendrecv") -> str:
        return secure(super().describe(payload, direction), self.talk)

    def offer(self, payload: str = "0", direction: str = "sendrecv") -> Message:
        answer = super().offer(payload, direction)
        self.talk.agree(answer)
        return answer


def secure(description: str, talk: SecureTalk) -> str:
    """Ask for SRTP."""
    return description.replace("RTP/AVP", "RTP/SAVP") + talk.line


def test_hold_and_resume_keep_srtp(system: Stack) -> None:
    account = system.subscriber()
    with RawClient(system.edge) as client, SecureTalk(client.address) as talk:
        dialog = Dialog(account.username, system.edge, "600")
        call = SecureCall(system, client, talk, dialog, ("", 0))
        answer = client.ask_as("INVITE", dialog, account, body=call.describe())
        talk.agree(answer)
        with established(system, client, talk, dialog, answer):
            call.there = media_of(system, answer)
            call.assert_echo()
            assert "a=recvonly" in call.offer(direction="sendonly").body
            assert "a=sendrecv" in call.offer().body
            call.assert_echo()
