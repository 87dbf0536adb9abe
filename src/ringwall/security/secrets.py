"""The instance's own secrets: made once, handed to just the component that needs them."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ringwall.config.addresses import Addresses
from ringwall.errors import NotRunning, RingwallError
from ringwall.security import accounts, files, tokens

# The uids that the images run as.
KAMAILIO, ASTERISK, MARIADB, CONTROL = 2001, 2003, 2004, 2006
_OWNERS = {"kamailio": KAMAILIO, "asterisk": ASTERISK, "mariadb": MARIADB, "control": CONTROL}
_RANDOM_BYTES = 32
# Secrets stand unescaped in URLs and configuration files.
_SECRET = re.compile(r"[A-Za-z0-9_-]{32,}")
_TEST_USERNAME = "1000"
_TEST_ACCOUNT = re.compile(r"username=(\S+)\npassword=(\S{8,})\n?")
_CLI = "cli"


@dataclass(frozen=True, slots=True)
class TestAccount:
    """The account that a new system starts with."""

    __test__ = False  # no test case, whatever pytest takes its name for

    username: str
    password: str


def ensure(directory: Path, addresses: Addresses, owners: bool = True) -> frozenset[str]:
    """Make the secrets that are missing, and bring what is derived from them up to date.

    What is there is never changed; an empty or damaged secret is a ``RingwallError``.
    ``owners`` gives each folder to its component's uid; that needs root and is skipped
    without. Returns the files that were written, as ``kamailio/db.cfg``.
    """
    vault = _Vault(directory, owners and os.geteuid() == 0)
    kamailio = vault.secret("mariadb/kamailio_password")
    control = vault.secret("mariadb/control_password")
    ami = vault.secret("control/ami_secret")
    # With it an external application checks that a push is ours.
    vault.secret("control/registrations_secret")
    token = vault.secret("api_token")
    vault.keep("test_account", _new_test_account, _TEST_ACCOUNT)
    url = f"mysql://kamailio:{kamailio}@{addresses.mariadb}/kamailio"
    vault.derive("kamailio/db.cfg", f'#!define DB_URL "{url}"\n'.encode())
    vault.derive("control/db_password", control.encode())
    # Stands inside the section of the manager user `control`, in Asterisk's manager.conf.
    vault.derive("asterisk/ami.conf", f"secret = {ami}\n".encode())
    vault.derive("control/tokens.json", _tokens(vault, token))
    return frozenset(vault.written)


def api_token(directory: Path) -> str:
    """Return the token of the CLI; raise ``NotRunning`` when none has been made."""
    return _found(directory / "api_token", _SECRET)[0]


def test_account(directory: Path) -> TestAccount:
    """Return the test account; raise ``NotRunning`` when none has been made."""
    match = _found(directory / "test_account", _TEST_ACCOUNT)
    return TestAccount(match[1], match[2])


class _Vault:
    """The secrets directory while it is being completed."""

    def __init__(self, directory: Path, owners: bool) -> None:
        self._directory = directory
        self._owners = owners
        self.written: set[str] = set()
        files.folder(directory, 0o700)
        for component, uid in _OWNERS.items():
            self._folder(component, uid)

    def secret(self, name: str) -> str:
        return self.keep(name, lambda: secrets.token_urlsafe(_RANDOM_BYTES), _SECRET)

    def keep(self, name: str, make: Callable[[], str], form: re.Pattern[str]) -> str:
        """Return what the file holds; make it when there is no such file."""
        data = self.read(name)
        if data is None:
            text = make()
            self._write(name, text.encode())
            return text
        self._protect(name)
        return _checked(self._directory / name, data, form)[0]

    def derive(self, name: str, data: bytes) -> None:
        """Write the file where it does not hold ``data`` yet."""
        if self.read(name) == data:
            self._protect(name)
        else:
            self._write(name, data)

    def read(self, name: str) -> bytes | None:
        path = self._directory / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(path, error) from error

    def path(self, name: str) -> Path:
        return self._directory / name

    def _folder(self, component: str, uid: int) -> None:
        # Whoever is not root could not write into a folder of mode 0500.
        mode, owner = (0o500, uid) if self._owners else (0o700, None)
        files.folder(self._directory / component, mode, owner)

    def _rights(self, name: str) -> tuple[int, int | None]:
        component, slash, _ = name.partition("/")
        return (0o400 if slash else 0o600), (_OWNERS[component] if slash and self._owners else None)

    def _write(self, name: str, data: bytes) -> None:
        files.write(self._directory / name, data, *self._rights(name))
        self.written.add(name)

    def _protect(self, name: str) -> None:
        path = self._directory / name
        try:
            files.own(path, *self._rights(name))
        except OSError as error:
            raise files.unwritable(path, error) from error


def _new_test_account() -> str:
    return f"username={_TEST_USERNAME}\npassword={accounts.generate_password()}\n"


def _tokens(vault: _Vault, token: str) -> bytes:
    """Return tokens.json with the CLI's token; the other tokens stay as they are."""
    name = "control/tokens.json"
    data = vault.read(name)
    known = [] if data is None else tokens.parse(data, vault.path(name))
    others = [entry for entry in known if entry.name != _CLI]
    return tokens.dump([tokens.Token(_CLI, tokens.digest(token)), *others])


def _found(path: Path, form: re.Pattern[str]) -> re.Match[str]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotRunning(f"{path}: there is no such file yet", "run `./ringwall up`") from None
    except OSError as error:
        raise _unreadable(path, error) from error
    return _checked(path, data, form)


def _checked(path: Path, data: bytes, form: re.Pattern[str]) -> re.Match[str]:
    match = form.fullmatch(data.decode(errors="replace").removesuffix("\n"))
    if match is None:
        what = "is damaged" if data.strip() else "is empty"
        raise RingwallError(
            f"{path}: {what}",
            "restore it from a backup; or delete it, and `./ringwall up` makes a new one",
        )
    return match


def _unreadable(path: Path, error: OSError) -> RingwallError:
    return RingwallError(f"{path}: cannot be read ({error.strerror})", "run this as root")
