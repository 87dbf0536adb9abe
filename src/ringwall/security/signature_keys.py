"""The keys of X-Company-Signature: at most two are good at a time, while one takes over."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from ringwall.config.signature_model import Mode
from ringwall.errors import BadInput, RingwallError
from ringwall.security import files
from ringwall.security.secrets import KAMAILIO

FILE = "signature_keys"
MOST = 2
_HANDED_OVER = "kamailio/signature"
_KEY = re.compile(r"[!-~]{16,128}")
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key; its ``kid`` is never given to another."""

    kid: str
    key: str
    since: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that are good, the newest last."""

    good: tuple[SigningKey, ...] = ()
    made: int = 0
    """How many there ever were."""

    def added(self, now: datetime, key: str | None = None) -> Keys:
        """Return them with another, made here or given; ``BadInput`` where there are two."""
        if len(self.good) >= MOST:
            old, new = (one.kid for one in self.good)
            raise BadInput(
                f"{old} and {new} are good, and there can be no third",
                f"`ringwall signature retire {old}`, when no client uses it any more",
            )
        if key is not None and not _KEY.fullmatch(key):
            raise BadInput(
                "this is no key", "give 16 to 128 printable ASCII characters without a space"
            )
        if any(one.key == key for one in self.good):
            raise BadInput("this key is good already", "give another one")
        fresh = SigningKey(
            f"k{self.made + 1}",
            key or secrets.token_urlsafe(_RANDOM_BYTES),
            now.isoformat(timespec="seconds"),
        )
        return Keys((*self.good, fresh), self.made + 1)

    def retired(self, kid: str) -> Keys:
        """Return them without one; ``BadInput`` for one that is not there, or the only one."""
        left = tuple(one for one in self.good if one.kid != kid)
        if len(left) == len(self.good):
            raise BadInput(f"there is no key {kid}", "`ringwall signature keys` shows them")
        if not left:
            raise BadInput(f"{kid} is the only key", "`ringwall signature rotate` makes another")
        return Keys(left, self.made)


def read(directory: Path) -> Keys:
    """Return what the secrets ``directory`` has; ``RingwallError`` when it is damaged."""
    path = directory / FILE
    try:
        found = json.loads(path.read_bytes())
        return Keys(tuple(SigningKey(**one) for one in found["good"]), int(found["made"]))
    except FileNotFoundError:
        return Keys()
    except OSError as error:
        raise RingwallError(
            f"{path}: cannot be read ({error.strerror})", "run this as root"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise RingwallError(
            f"{path}: is damaged",
            "restore it from a backup; or delete it: the next key is k1, and clients need it",
        ) from error


def write(directory: Path, keys: Keys) -> None:
    """Keep them, for root alone."""
    files.folder(directory, 0o700)
    text = json.dumps(asdict(keys), indent=2) + "\n"
    files.write(directory / FILE, text.encode(), 0o600)


def ensure(directory: Path, mode: Mode, now: datetime) -> bool:
    """Make the first key where one is needed, and give Kamailio what it needs, no more.

    Return whether one was made.
    """
    keys = read(directory)
    lacks = mode != "off" and not keys.good
    if lacks:
        write(directory, keys.added(now))
    hand_over(directory, mode)
    return lacks


def hand_over(directory: Path, mode: Mode) -> None:
    """Write the file that Kamailio reads anew for each signature (routes/signature.cfg)."""
    path = directory / _HANDED_OVER
    if not path.parent.is_dir():
        return  # before the first `ringwall up`
    try:
        if mode == "off":
            path.unlink(missing_ok=True)
            return
        text = ";".join(_line(one, mode) for one in read(directory).good)
        if path.exists() and path.read_text() == text:
            return
    except OSError as error:
        raise files.unwritable(path, error) from error
    files.write(path, text.encode(), 0o400, KAMAILIO if os.geteuid() == 0 else None)


def _line(one: SigningKey, mode: Mode) -> str:
    if mode == "hmac":
        return f"{one.kid}={one.key.encode().hex()}"
    return f"{hashlib.sha256(one.key.encode()).hexdigest()}={one.kid}"
