"""Offers and answers where phones seldom put them; what proves them is audio."""

from __future__ import annotations

import re
import secrets
import socket
import struct
import time
from array import array
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.system.raw import Dialog, RawClient, describe

from ringwall.checks import audio, g711
from ringwall.checks.audio import Melody

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from tests.system.stack import Stack

    from ringwall.checks.phone import Account
    from ringwall.checks.sip import Message

_SAMPLES = 160  # 20 ms
_SECONDS = 4.8
G729 = "18"
"""Payload type of a codec that the PBX does not have."""


class Talk:
    """The media end of a client: says melodies in PCMU, hears what comes back."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self.port: int = self._socket.getsockname()[1]
        self._sent = 0
        self._source = secrets.randbits(32)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def echo(self, there: tuple[str, int]) -> audio.Heard:
        """Say a new melody to ``there`` and return how much of it came back from there."""
        melody = Melody.random()
        said = g711.encode(g711.PCMU, melody.samples(_SECONDS))
        heard = array("h")
        begun = time.monotonic()
        for n, at in enumerate(range(0, len(said), _SAMPLES)):
            packet = self.protected(self._header() + said[at : at + _SAMPLES])
            self._socket.sendto(packet, there)
            for came in self._until(begun + (n + 1) * 0.02, there):
                heard.extend(g711.decode(came[1] & 0x7F, self.bare(came)[12:]))
        return audio.compare(melody, heard)

    def protected(self, packet: bytes) -> bytes:
        """Return a packet as it goes out."""
        return packet

    def bare(self, packet: bytes) -> bytes:
        """Return a packet that came without its protection."""
        return packet

    def _header(self) -> bytes:
        self._sent += 1
        stamp = self._sent * _SAMPLES
        return struct.pack("!BBHII", 0x80, g711.PCMU, self._sent & 0xFFFF, stamp, self._source)

    def _until(self, deadline: float, there: tuple[str, int]) -> Iterator[bytes]:
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                packet, source = self._socket.recvfrom(2048)
            except TimeoutError:
                return
            if source == there and len(packet) > 12:
                yield packet


@dataclass
class Call:
    """An established call of a raw client to the echo."""

    system: Stack
    client: RawClient
    talk: Talk
    dialog: Dialog
    there: tuple[str, int]
    """Where our media goes."""
    refused: str = ""
    """Lines of streams that we do not want; every later description has them too."""

    def describe(self, payload: str = "0", direction: str = "sendrecv") -> str:
        """Describe our media."""
        audio = describe(self.client.address, self.talk.port, payload, direction)
        return audio + self.refused

    def offer(self, payload: str = "0", direction: str = "sendrecv") -> Message:
        """Send a re-INVITE and acknowledge its answer."""
        answer = self.client.ask("INVITE", self.dialog, body=self.describe(payload, direction))
        if answer.status == 200:
            self.client.send(self.client.request("ACK", self.dialog))
            self.there = media_of(self.system, answer)
        else:
            self.client.send(self.client.acknowledge(self.dialog, answer))
        return answer

    def assert_echo(self) -> None:
        """What we say comes back."""
        heard = self.talk.echo(self.there)
        assert heard.complete, str(heard)


def test_an_offer_in_the_answer(system: Stack) -> None:
    """An INVITE without a description: the PBX offers in its 200, the phone answers in its ACK."""
    with delayed(system) as call:
        call.assert_echo()


def test_hold_after_an_offer_in_the_answer(system: Stack) -> None:
    with delayed(system) as call:
        call.assert_echo()
        assert call.offer(direction="sendonly").status == 200
        assert call.offer().status == 200
        call.assert_echo()


def test_a_description_among_other_parts(system: Stack) -> None:
    """multipart/mixed (RFC 5621): the description in it is changed like any other."""
    with _ends(system) as (client, talk, account):
        kind = "Content-Type: multipart/mixed;boundary=part\r\n"
        body = (
            "--part\r\nContent-Type: text/plain\r\n\r\nThe lift is broken.\r\n"
            "--part\r\nContent-Type: application/sdp\r\n\r\n"
            f"{describe(client.address, talk.port)}\r\n--part--\r\n"
        )
        dialog = Dialog(account.username, system.edge, "600")
        answer = client.ask_as("INVITE", dialog, account, extra=kind, body=body)
        with established(system, client, talk, dialog, answer) as call:
            call.assert_echo()


def test_a_refused_offer_changes_nothing(system: Stack) -> None:
    with _ends(system) as (client, talk, account):
        dialog = Dialog(account.username, system.edge, "600")
        body = describe(client.address, talk.port)
        answer = client.ask_as("INVITE", dialog, account, body=body)
        with established(system, client, talk, dialog, answer) as call:
            call.assert_echo()
            assert call.offer(payload=G729).status == 488
            call.assert_echo()


def test_an_offer_that_overtakes_an_acknowledgement(system: Stack) -> None:
    """As it may on the way through several workers; the PBX would answer 500 (RFC 3261 14.2)."""
    with _ends(system) as (client, talk, account):
        dialog = Dialog(account.username, system.edge, "600")
        body = describe(client.address, talk.port)
        dialog.establish(client.ask_as("INVITE", dialog, account, body=body))
        late = client.request("ACK", dialog)
        client.send(client.request("INVITE", dialog, body=body))
        client.send(late)
        answer = client.final("INVITE")
        assert answer.status == 200
        client.send(client.request("ACK", dialog))
        Call(system, client, talk, dialog, media_of(system, answer)).assert_echo()
        assert client.ask("BYE", dialog).status == 200


@contextmanager
def established(
    system: Stack, client: RawClient, talk: Talk, dialog: Dialog, answer: Message
) -> Iterator[Call]:
    """A call whose INVITE carried the offer; hung up at the end."""
    assert answer.status == 200
    dialog.establish(answer)
    client.send(client.request("ACK", dialog))
    yield Call(system, client, talk, dialog, media_of(system, answer))
    assert client.ask("BYE", dialog).status == 200


@contextmanager
def delayed(system: Stack) -> Iterator[Call]:
    """A call to the echo whose INVITE carried no offer; hung up at the end."""
    with _ends(system) as (client, talk, account):
        dialog = Dialog(account.username, system.edge, "600")
        offer = client.ask_as("INVITE", dialog, account)
        assert offer.status == 200
        dialog.establish(offer)
        unwanted = re.findall(r"^(m=(?!audio)\S+) \d+ (.*)$", offer.body, re.MULTILINE)
        refused = "".join(f"{kind} 0 {rest}\r\n" for kind, rest in unwanted)
        call = Call(system, client, talk, dialog, media_of(system, offer), refused)
        client.send(client.request("ACK", dialog, body=call.describe()))
        yield call
        assert client.ask("BYE", dialog).status == 200


def media_of(system: Stack, answer: Message) -> tuple[str, int]:
    """Where an answer wants media; it must be RTPengine's edge address and name no other."""
    relay = str(system.addresses.rtpengine_edge)
    assert answer.media_addresses() - {"0.0.0.0"} == {relay}, "0.0.0.0: of a refused stream"
    found = re.search(r"^m=audio (\d+) ", answer.body, re.MULTILINE)
    assert found is not None
    return relay, int(found[1])


@contextmanager
def _ends(system: Stack) -> Iterator[tuple[RawClient, Talk, Account]]:
    with RawClient(system.edge) as client, Talk(client.address) as talk:
        yield client, talk, system.subscriber()
