"""The CLI's side of the API of a running system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
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
        """Return all subscribers: username, domain, registered."""
        answer: list[Answer] = self._ask("GET", "/subscribers", timeout=_LONG_TIMEOUT)
        return answer

    def add_subscriber(self, username: str, password: str | None = None) -> Answer:
        """Add one; the answer tells ``pin``, ``warnings`` and a ``password`` that was made."""
        body = _account(username, password)
        answer: Answer = self._ask("POST", "/subscribers", body, _LONG_TIMEOUT)
        return answer

    def set_password(self, username: str, password: str | None = None) -> Answer:
        """Set a password; the answer tells one that was made."""
        body = {} if password is None else {"password": password}
        path = f"/subscribers/{quote(username, safe='')}/password"
        answer: Answer = self._ask("PUT", path, body, _LONG_TIMEOUT)
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

    def _ask(
        self, method: str, path: str, body: object = None, timeout: httpx.Timeout = _TIMEOUT
    ) -> Any:  # noqa: ANN401 - JSON
        try:
            answer = self._client.request(method, path, json=body, timeout=timeout)
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
        return _content(answer)


def base_url(settings: Settings) -> str:
    """Return where the API is reached from this host."""
    if settings.instance.publish:
        return f"http://127.0.0.1:{settings.instance.ports.api}"
    return f"http://{Addresses(settings).control_mgmt}:{API_PORT}"


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
