"""The CLI's side of the API of a running system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import quote

import httpx

from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput, NotRunning, RingwallError
from ringwall.security import secrets

API_PORT = 8080
_BAD_INPUT = frozenset({400, 404, 409, 413, 422})
_TIMEOUT = httpx.Timeout(15.0, connect=3.0)
# An import of 100,000 rows, behind another one.
_LONG_TIMEOUT = httpx.Timeout(180.0, connect=3.0)

Answer = dict[str, Any]


class RowsRefused(BadInput):
    """An import was refused; ``rows`` has the faults by row, which count from 1."""

    def __init__(self, message: str, remedy: str | None, rows: dict[int, str]) -> None:
        super().__init__(message, remedy)
        self.rows = rows


class ApiClient:
    """The API of the system that a working directory describes.

    Every method raises ``NotRunning`` when nothing answers, ``BadInput`` when the API says
    that the request cannot be right, and ``RingwallError`` otherwise.
    """

    def __init__(
        self,
        settings: Settings,
        workspace: Workspace,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        token = secrets.api_token(workspace.secrets)
        # The environment's proxies are for the outside.
        self._client = httpx.Client(
            base_url=f"{base_url(settings)}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT,
            transport=transport or _transport(settings),
        )

    def status(self) -> Answer:
        """Return what is up, as the API's ``Status``."""
        answer: Answer = self._ask("GET", "/status")
        return answer

    def subscribers(self) -> list[Answer]:
        """Return all subscribers: username, domain, registered, group, locked_out."""
        answer: list[Answer] = self._ask("GET", "/subscribers", timeout=_LONG_TIMEOUT)
        return answer

    def add_subscriber(
        self, username: str, password: str | None = None, group: str | None = None
    ) -> Answer:
        """Add one; the answer tells ``pin``, ``warnings`` and a ``password`` that was made."""
        body = _account(username, password) | ({} if group is None else {"group": group})
        answer: Answer = self._ask("POST", "/subscribers", body, _LONG_TIMEOUT)
        return answer

    def set_password(self, username: str, password: str | None = None) -> Answer:
        """Set a password; the answer tells one that was made."""
        body = {} if password is None else {"password": password}
        path = f"/subscribers/{quote(username, safe='')}/password"
        answer: Answer = self._ask("PUT", path, body, _LONG_TIMEOUT)
        return answer

    def put_into_group(self, username: str, group: str | None) -> Answer:
        """Make a subscriber one of a group, or of none."""
        path = f"/subscribers/{quote(username, safe='')}/group"
        answer: Answer = self._ask("PUT", path, {"group": group}, _LONG_TIMEOUT)
        return answer

    def unlock(self, username: str) -> Answer:
        """Let a subscriber in from anywhere, and forget the wrong passwords."""
        answer: Answer = self._ask("DELETE", f"/subscribers/{quote(username, safe='')}/lockout")
        return answer

    def remove_subscriber(self, username: str) -> Answer:
        """Remove one with its registrations."""
        path = f"/subscribers/{quote(username, safe='')}"
        answer: Answer = self._ask("DELETE", path, timeout=_LONG_TIMEOUT)
        return answer

    def import_subscribers(self, rows: Sequence[tuple[str, str | None]]) -> Answer:
        """Add all or none; raise ``RowsRefused`` with every fault."""
        body = [_account(username, password) for username, password in rows]
        answer: Answer = self._ask("POST", "/subscribers/import", body, _LONG_TIMEOUT)
        return answer

    def cdrs(self, wanted: Mapping[str, str]) -> list[Answer]:
        """Return the last calls on record; the parameters are those of ``GET /cdrs``."""
        answer: list[Answer] = self._ask("GET", "/cdrs", timeout=_LONG_TIMEOUT, query=wanted)
        return answer

    def cdr(self, call_id: str) -> Answer:
        """Return one call on record with its legs."""
        answer: Answer = self._ask("GET", f"/cdrs/call/{quote(call_id, safe='')}")
        return answer

    @contextmanager
    def export_cdrs(self, wanted: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        """Open an export; its chunks are what ``GET /cdrs/export`` sends.

        Reading them raises ``RingwallError`` when the export breaks off.
        """
        path = "/cdrs/export"
        with (
            self._translated("GET", path),
            self._client.stream("GET", path, params=wanted, timeout=_LONG_TIMEOUT) as answer,
        ):
            if not answer.is_success:
                answer.read()
                _content(answer)
            yield _whole(answer)

    def calls(self) -> Answer:
        """Return the calls that go on: ``calls``, and whether they are ``live``."""
        answer: Answer = self._ask("GET", "/calls")
        return answer

    def call(self, call_id: str) -> Answer:
        """Return one call that goes on."""
        answer: Answer = self._ask("GET", _call_path(call_id))
        return answer

    def hang_up(self, call_id: str) -> Answer:
        """End a call; the answer tells how many ``legs`` it had, and how many are ``left``."""
        answer: Answer = self._ask("DELETE", _call_path(call_id))
        return answer

    def registrations(self, wanted: Mapping[str, str]) -> Answer:
        """Return who is registered: ``registrations``, and whether they are ``live``."""
        answer: Answer = self._ask("GET", "/registrations", timeout=_LONG_TIMEOUT, query=wanted)
        return answer

    def registration_history(self, wanted: Mapping[str, str]) -> Answer:
        """Return a page of ``events``; ``next`` is the next page's ``before``."""
        path = "/registrations/history"
        answer: Answer = self._ask("GET", path, timeout=_LONG_TIMEOUT, query=wanted)
        return answer

    def remove_registration(self, user: str, contact: str | None) -> Answer:
        """Remove one contact or all of a user; the answer tells ``contacts``."""
        query = {} if contact is None else {"contact": contact}
        path = f"/registrations/{quote(user, safe='')}"
        answer: Answer = self._ask("DELETE", path, query=query)
        return answer

    def verdicts(self, wanted: Mapping[str, str]) -> Answer:
        """Return refusals, newest first, and what their ``reasons`` mean."""
        answer: Answer = self._ask("GET", "/verdicts", timeout=_LONG_TIMEOUT, query=wanted)
        return answer

    def pushes(self, wanted: Mapping[str, str]) -> Answer:
        """Return the outbox's ``status`` and its newest ``pushes``."""
        answer: Answer = self._ask("GET", "/pushes", timeout=_LONG_TIMEOUT, query=wanted)
        return answer

    def push(self, number: int) -> Answer:
        """Return one push with its document."""
        answer: Answer = self._ask("GET", f"/pushes/{number}")
        return answer

    def retry_pushes(self, number: int | None) -> int:
        """Send one, or all that are parked, again; return how many."""
        answer = self._ask("POST", "/pushes/retry", {"id": number}, _LONG_TIMEOUT)
        return int(answer["pushes"])

    def purge_pushes(self, state: str, older_than: str | None) -> int:
        """Never send those; return how many."""
        body = {"state": state, "older_than": older_than}
        return int(self._ask("POST", "/pushes/purge", body, _LONG_TIMEOUT)["pushes"])

    def bans(self) -> Answer:
        """Return ``bans``, and whether the ``kernel``'s guard answers."""
        answer: Answer = self._ask("GET", "/bans")
        return answer

    def ban(self, address: str, seconds: int, reason: str) -> Answer:
        """Ban an address; the answer tells whether the ``kernel`` knows of it."""
        path = f"/bans/{quote(address, safe='')}"
        answer: Answer = self._ask("PUT", path, {"seconds": seconds, "reason": reason})
        return answer

    def unban(self, address: str) -> Answer:
        """Lift a ban."""
        answer: Answer = self._ask("DELETE", f"/bans/{quote(address, safe='')}")
        return answer

    def blocks(self, address: str | None) -> Answer:
        """Return the ``blocks``, or those that an address is in."""
        query = {} if address is None else {"address": address}
        answer: Answer = self._ask("GET", "/blocks", timeout=_LONG_TIMEOUT, query=query)
        return answer

    def put_block(self, target: str, action: str, comment: str, seconds: int | None) -> Answer:
        """Block or allow an address or a network; the answer has ``warnings``."""
        body = {"action": action, "comment": comment, "seconds": seconds}
        path = f"/blocks/{quote(target, safe='')}"
        answer: Answer = self._ask("PUT", path, body, _LONG_TIMEOUT)
        return answer

    def remove_block(self, target: str) -> Answer:
        """Take an entry off the list."""
        path = f"/blocks/{quote(target, safe='')}"
        answer: Answer = self._ask("DELETE", path, timeout=_LONG_TIMEOUT)
        return answer

    def import_blocks(self, lines: IO[bytes], replace: bool, seconds: int | None) -> Answer:
        """Block what a file names, as it is read; raise ``RowsRefused`` with every faulty line."""
        path, query = "/blocks/import", {"replace": str(replace).lower()}
        query |= {} if seconds is None else {"seconds": str(seconds)}
        headers = {"Content-Type": "text/plain"}
        with self._translated("POST", path):
            answer = self._client.post(
                path, content=lines, headers=headers, params=query, timeout=_LONG_TIMEOUT
            )
        done: Answer = _content(answer)
        return done

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        timeout: httpx.Timeout = _TIMEOUT,
        query: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        with self._translated(method, path):
            answer = self._client.request(method, path, json=body, params=query, timeout=timeout)
        return _content(answer)

    @contextmanager
    def _translated(self, method: str, path: str) -> Iterator[None]:
        try:
            yield
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.ReadError,
            httpx.RemoteProtocolError,
        ):
            # Docker's proxy accepts the connection of a container that is not there, and
            # drops it.
            raise NotRunning(
                f"nothing answers at {self._client.base_url}", "start it: `./ringwall up`"
            ) from None
        except httpx.HTTPError as error:
            raise RingwallError(
                f"the API does not answer {method} {path} ({type(error).__name__})",
                "see `docker logs control`",
            ) from error


def base_url(settings: Settings) -> str:
    """Return where the API is reached from this host."""
    if settings.instance.publish:
        return f"http://127.0.0.1:{settings.instance.ports.api}"
    return f"http://{Addresses(settings).control_mgmt}:{API_PORT}"


def _call_path(call_id: str) -> str:
    return f"/calls/{quote(call_id, safe='')}"


def _whole(answer: httpx.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_bytes()
    except httpx.HTTPError as error:
        raise RingwallError(
            f"the export broke off ({type(error).__name__}); it is not whole",
            "see `docker logs control`, and start it again",
        ) from error


def _transport(settings: Settings) -> httpx.HTTPTransport:
    """Return the way to the API; without published ports it begins on the mgmt network itself.

    The host is that network's first address. Where there is no such network the address cannot
    be used, and no token leaves for whoever has the API's address elsewhere.
    """
    here = None if settings.instance.publish else str(settings.instance.subnets.mgmt[1])
    # Commands are short: nothing stays open when one ends. The environment's proxies are for
    # the outside.
    no_idle = httpx.Limits(max_keepalive_connections=0)
    return httpx.HTTPTransport(local_address=here, limits=no_idle, trust_env=False)


def _account(username: str, password: str | None) -> dict[str, str]:
    return {"username": username} | ({} if password is None else {"password": password})


def _content(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    try:
        content = answer.json()
    except ValueError:
        raise RingwallError(
            f"{answer.url} answers {answer.status_code} without JSON",
            "something else may listen there: see instance.ports.api",
        ) from None
    if answer.is_success:
        return content
    raise _refused(answer.status_code, content if isinstance(content, dict) else {})


def _refused(status: int, content: Answer) -> RingwallError:
    message = str(content.get("error") or f"the API answers {status}")
    remedy = content.get("remedy")
    if content.get("errors"):
        rows = {int(fault["row"]): str(fault["error"]) for fault in content["errors"]}
        return RowsRefused(message, remedy, rows)
    if status == 401:
        return RingwallError(
            "the API does not accept the token of this working directory",
            "another instance may hold the port: see instance.ports.api; else `./ringwall up`",
        )
    return (BadInput if status in _BAD_INPUT else RingwallError)(message, remedy)
