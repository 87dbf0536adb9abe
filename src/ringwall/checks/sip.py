"""SIP messages as a phone saw them, read from its trace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_TRACED = re.compile(
    r"^(?P<transport>UDP|TCP|TLS|WS|WSS) (?P<source>\S+) -> (?P<target>\S+)\n(?P<text>.*?)\x1b\[;m",
    re.MULTILINE | re.DOTALL,
)
_ADDRESS = re.compile(r"^(?:c|o)=.*IN IP4 (\S+)\s*$|^a=rtcp:\d+ IN IP4 (\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Message:
    """A SIP request or answer (RFC 3261), after TLS where there was any."""

    transport: str
    source: str
    target: str
    text: str

    @property
    def start_line(self) -> str:
        """The first line."""
        return self.text.partition("\n")[0].strip()

    @property
    def status(self) -> int | None:
        """The status of an answer; None for a request."""
        is_answer = self.start_line.startswith("SIP/2.0 ")
        return int(self.start_line.split()[1]) if is_answer else None

    @property
    def method(self) -> str:
        """The method of a request, or of the request that was answered."""
        return self.header("CSeq").split()[-1]

    @property
    def body(self) -> str:
        """What follows the empty line."""
        return self._parts[1]

    def header(self, name: str) -> str:
        """The value of the first header of this name; empty where there is none."""
        return next(iter(self.headers(name)), "")

    def headers(self, name: str) -> list[str]:
        """The values of all headers of this name, in order."""
        lines = (line.partition(":") for line in self._parts[0].split("\n")[1:])
        return [value.strip() for key, _, value in lines if key.strip().lower() == name.lower()]

    def media_addresses(self) -> set[str]:
        """Every address that the session description names."""
        return {one or other for one, other in _ADDRESS.findall(self.body)}

    @cached_property
    def _parts(self) -> tuple[str, str]:
        head, _, body = self.text.replace("\r", "").partition("\n\n")
        return head, body


def read_trace(text: str) -> list[Message]:
    """Read the messages of a baresip's SIP trace, in the order in which they passed."""
    return [
        Message(found["transport"], found["source"], found["target"], found["text"])
        for found in _TRACED.finditer(text)
    ]
