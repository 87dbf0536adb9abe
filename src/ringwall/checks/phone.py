"""A real phone: baresip in a container of its own, which says a melody and records."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import time
from array import array
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ringwall.checks import audio, capture, sip
from ringwall.checks.audio import Melody
from ringwall.checks.baresip import Control
from ringwall.checks.call import Call
from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from ringwall.checks.baresip import Event
    from ringwall.runtime.engine import Engine

Transport = Literal["udp", "tcp", "tls"]
Encryption = Literal["srtp", "srtp-mand", "dtls_srtp"]
"""Of media, as baresip calls it: SRTP as an extra (RFC 8643), SRTP with SDES, DTLS-SRTP."""
_CALL_ID = re.compile(r"call id: (\S+)")
_START = 15.0
_COMES = {"CALL_INCOMING", "CALL_ESTABLISHED"}  # a phone that answers by itself never rings
_SAID = 300.0
"""Seconds of melody; longer than any call that is placed here."""
_WAV_HEAD = 44
_SPEAKER = "/tmp/speaker.wav"  # noqa: S108 - the container's own
_OPTIONS = (
    "--init", "--user=0", "--cap-drop=ALL", "--cap-add=NET_RAW", "--cap-add=SETUID",
    "--cap-add=SETGID", "--security-opt=no-new-privileges", "--memory=256m", "--tmpfs=/tmp",
)  # fmt: skip


class PhoneError(RingwallError):
    """The phone could not do what it was asked to."""


@dataclass(frozen=True)
class Line:
    """Where phones are plugged in: a Docker network, and the SBC's edge on it."""

    engine: Engine
    image: str
    network: str
    edge: IPv4Address
    ca: Path | None = None
    """The CA that the edge's certificate must come from; None: any is good."""
    domain: str | None = None
    """The domain in URIs, the edge being the phone's outbound proxy; None: the edge's address."""

    def uri(self, user: str) -> str:
        """Return the URI of a user."""
        return f"sip:{user}@{self.domain or self.edge}"


@dataclass(frozen=True)
class Account:
    """A subscriber, as a phone has to know them."""

    username: str
    password: str


class Phone:
    """A phone of one account; a context manager, the container lives as long as it.

    It answers calls by itself when ``answers`` is true and says ``melody`` in every call, which
    it encrypts as ``encryption`` says.
    """

    def __init__(
        self,
        line: Line,
        account: Account,
        transport: Transport = "udp",
        *,
        answers: bool = False,
        keep: Path | None = None,
    ) -> None:
        self.line = line
        self.account = account
        self.transport: Transport = transport
        self.encryption: Encryption | None = None
        self.card: str | None = None
        """Its certificate and key in PEM, where the SBC asks for one."""
        self.melody = Melody.random()
        self.name = f"{line.network}_phone_{secrets.token_hex(3)}"
        self._answers = answers
        self._keep = keep
        self._folder = Path(tempfile.mkdtemp(prefix="ringwall-phone-"))
        self._home = self._folder / "home"

    def __enter__(self) -> Self:
        """Start the phone; it is not registered yet."""
        try:
            self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the phone, keeping what it saw and heard where that was asked for."""
        with suppress(OSError, RingwallError):  # a phone that is gone cannot say good-bye
            self.control.ask("uadelall", timeout=1)
        self.control.close()
        self._remove()

    def _start(self) -> None:
        self._home.mkdir()
        self._home.chmod(0o777)  # its parent is ours alone
        self.melody.write(self._home / "say.wav", _SAID)
        if self.line.ca:
            shutil.copy(self.line.ca, self._home / "ca.pem")
        if self.card:
            (self._home / "card.pem").write_text(self.card)
        self.line.engine.docker(
            "run", "-d", "--name", self.name, "--network", self.line.network, *_OPTIONS,
            "-v", f"{self._home}:/phone", "--label", "ringwall=phone", self.line.image, "phone",
        )  # fmt: skip
        wait_until(lambda: self._size("capture.pcap") > 0, _START, "the phone's capture to start")
        self.control.ask("uanew", self._account_line())

    @cached_property
    def control(self) -> Control:
        """The way to command the phone."""
        return Control(self.address, _START)

    @cached_property
    def address(self) -> IPv4Address:
        """The phone's own address."""
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        found = self.line.engine.docker("container", "inspect", "-f", template, self.name)
        return IPv4Address(found.strip())

    @property
    def messages(self) -> list[sip.Message]:
        """Every SIP message that the phone sent or got."""
        return sip.read_trace((self._home / "log").read_text(errors="replace"))

    @property
    def packets(self) -> list[capture.Packet]:
        """Every UDP packet that the phone sent or got."""
        return capture.read(self._home / "capture.pcap")

    def wait_registered(self, timeout: float = 10) -> Event:
        """Wait until the registrar has answered; PhoneError where it refused or stayed silent."""
        event = self.control.wait_for(lambda e: e.kind in {"REGISTER_OK", "REGISTER_FAIL"}, timeout)
        if event is None:
            raise PhoneError(f"{self} did not register: no answer within {timeout:g} s")
        if event.kind == "REGISTER_FAIL":
            raise PhoneError(f"{self} did not register: {event.text}")
        return event

    def dial(self, number: str) -> Call:
        """Call a number at the edge."""
        begun = time.monotonic()
        said = self.control.ask("dial", self.line.uri(number))
        found = _CALL_ID.search(said)
        if found is None:
            raise PhoneError(f"{self} could not dial {number}: {said.strip()}")
        return Call(self.control, found[1], begun)

    def wait_incoming(self, timeout: float = 10, after: float = 0) -> Call:
        """Wait for a call to ring here that came after ``after`` (monotonic seconds)."""
        event = self.control.wait_for(
            lambda e: e.incoming and e.call is not None and e.kind in _COMES, timeout, after
        )
        if event is None or event.call is None:
            raise PhoneError(f"{self} was not called within {timeout:g} s")
        return Call(self.control, event.call, event.time)

    @property
    def incoming(self) -> list[capture.Stream]:
        """The audio streams that came in."""
        found = capture.streams(self.packets)
        return [stream for stream in found if stream.target.address == self.address]

    def heard(self, melody: Melody, since: float = 0) -> audio.Heard:
        """Say how much of ``melody`` came in, from ``since`` (epoch seconds) on."""
        heard = [
            audio.compare(melody, stream.samples(max(since, stream.packets[0].time)))
            for stream in self.incoming
        ]
        return max(heard, key=lambda one: (one.matched, one.level), default=audio.NOTHING)

    def wait_heard(self, melody: Melody, timeout: float = 10, since: float = 0) -> audio.Heard:
        """Wait until the whole of ``melody`` was heard; after the limit, what was heard."""
        with suppress(PhoneError):
            wait_until(lambda: self.heard(melody, since).complete, timeout, "the melody", 0.3)
        return self.heard(melody, since)

    def wait_played(self, melody: Melody, timeout: float = 15) -> audio.Heard:
        """The same of what the phone plays to its user: media that is encrypted on the wire."""
        with suppress(PhoneError):
            wait_until(lambda: self._played(melody).complete, timeout, "the melody", 0.5)
        return self._played(melody)

    def _played(self, melody: Melody) -> audio.Heard:
        try:
            self.line.engine.exec(self.name, "cp", _SPEAKER, "/phone/played.wav")
        except RingwallError:  # nothing was played yet
            return audio.NOTHING
        said = (self._home / "played.wav").read_bytes()[_WAV_HEAD:]
        return audio.compare(melody, array("h", said[: len(said) // 2 * 2]))

    def _size(self, name: str) -> int:
        path = self._home / name
        return path.stat().st_size if path.exists() else 0

    def __str__(self) -> str:
        """Name it for people."""
        return f"the phone of {self.account.username} ({self.transport})"

    def _account_line(self) -> str:
        mode = "auto" if self._answers else "manual"
        proxy = f'"sip:{self.line.edge};transport={self.transport}"'
        return (
            f"<{self.line.uri(self.account.username)};transport={self.transport}>"
            f";auth_user={self.account.username};auth_pass={self.account.password}"
            f";answermode={mode}"
            + (f";outbound={proxy}" if self.line.domain else "")
            + (f";mediaenc={self.encryption}" if self.encryption else "")
        )

    def _remove(self) -> None:
        with suppress(RingwallError):  # it may never have started
            self.line.engine.docker("rm", "-f", self.name)
        if self._keep:
            shutil.copytree(self._home, self._keep / self.name, dirs_exist_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)


def wait_until(reached: Callable[[], bool], timeout: float, what: str, every: float = 0.05) -> None:
    """Wait for a condition that nobody announces; PhoneError names ``what`` did not come."""
    deadline = time.monotonic() + timeout
    while not reached():
        if time.monotonic() > deadline:
            raise PhoneError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(every)
