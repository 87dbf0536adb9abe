"""A subscriber's name and password: what they may be, and what is kept of them."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass

MIN_PASSWORD, MAX_PASSWORD = 8, 128
_GENERATED_LENGTH = 20
_PIN_DIGITS = 6
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")
# Without the characters that people confuse: 0 O o, 1 l I.
_UNAMBIGUOUS = "".join(sorted(set(string.ascii_letters + string.digits) - set("0Oo1lI")))
# What the dialplan answers itself: echo, announcement, music, mailboxes (700, 700 + number).
_APPLICATIONS = re.compile(r"600|601|602|700[0-9]*")


@dataclass(frozen=True, slots=True)
class Digests:
    """H(A1) of a password (RFC 7616 section 3.4.2), in hex; the password is not kept."""

    md5: str
    sha256: str


def digests(username: str, realm: str, password: str) -> Digests:
    """Compute both H(A1) of ``username:realm:password``, UTF-8."""
    a1 = f"{username}:{realm}:{password}".encode()
    md5 = hashlib.md5(a1, usedforsecurity=False).hexdigest()
    return Digests(md5, hashlib.sha256(a1).hexdigest())


def username_fault(username: str, rooms: Iterable[str] = ()) -> str | None:
    """Return what is wrong with the name, or None. ``rooms`` are the conference rooms."""
    if not _USERNAME.fullmatch(username):
        return (
            "a username has 1 to 32 letters, digits, dots, hyphens, underscores or plus signs, "
            "and starts with a letter or digit"
        )
    if _APPLICATIONS.fullmatch(username) or username in set(rooms):
        return f"{username} is a number of the dialplan (600 to 602, 700…, conference rooms)"
    return None


def password_fault(username: str, password: str) -> str | None:
    """Return what is wrong with the password, or None."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        return f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters"
    if not password.isprintable():
        return "a password has printable characters only"
    if password.casefold() == username.casefold():
        return "the password is the username: any scanner tries that first"
    return None


def generate_password() -> str:
    """Return 20 random characters (116 bits) that are hard to misread."""
    return "".join(secrets.choice(_UNAMBIGUOUS) for _ in range(_GENERATED_LENGTH))


def has_mailbox(username: str) -> bool:
    """Tell whether the subscriber is a number, and so has a mailbox."""
    return username.isascii() and username.isdigit()


def generate_pin() -> str:
    """Return a random PIN of six digits for a mailbox."""
    return "".join(secrets.choice(string.digits) for _ in range(_PIN_DIGITS))
