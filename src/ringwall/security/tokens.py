"""API tokens: only their SHA-256 is kept where the API can read it."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ringwall.errors import RingwallError


@dataclass(frozen=True, slots=True)
class Token:
    """A name for the log, and the token's SHA-256 in hex."""

    name: str
    sha256: str


def digest(token: str) -> str:
    """Return the SHA-256 of a token, in hex. Tokens are random, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def parse(data: bytes, path: Path) -> list[Token]:
    """Read a tokens.json; raise ``RingwallError`` naming the file when it is damaged."""
    try:
        entries = json.loads(data)["tokens"]
        return [Token(str(entry["name"]), str(entry["sha256"])) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise RingwallError(
            f"{path}: is damaged", "restore it, or delete it and run `./ringwall up`"
        ) from error


def dump(tokens: list[Token]) -> bytes:
    """Return the content of a tokens.json."""
    entries = [{"name": token.name, "sha256": token.sha256} for token in tokens]
    return (json.dumps({"tokens": entries}, indent=2) + "\n").encode()


class TokenFile:
    """The tokens that are accepted, read again whenever the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._seen: tuple[int, int, int] | None = None
        self._tokens: list[Token] = []

    def owner(self, token: str) -> str | None:
        """Return the name of the token, or None when it is not accepted.

        Every entry is compared, in constant time. Raises ``RingwallError`` when the file
        cannot be read: nobody is let in then.
        """
        offered = digest(token)
        found = None
        for known in self._current():
            if hmac.compare_digest(offered, known.sha256):
                found = known.name
        return found

    def _current(self) -> list[Token]:
        with self._lock:
            try:
                stat = self._path.stat()
                seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if seen != self._seen:
                    self._tokens = parse(self._path.read_bytes(), self._path)
                    self._seen = seen
            except OSError as error:
                raise RingwallError(
                    f"{self._path}: cannot be read ({error.strerror})", "run `./ringwall up`"
                ) from error
            return self._tokens
