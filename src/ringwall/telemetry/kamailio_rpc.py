"""Kamailio's JSON-RPC over HTTP: the client."""

from __future__ import annotations

import json
from itertools import count
from typing import TypeAlias

import httpx

from ringwall.errors import RingwallError

# As json.loads returns it; the reader checks what it needs.
Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class KamailioAway(RingwallError):
    """Kamailio did not answer: it is down, starting, or cut off."""


class RpcRefused(RingwallError):
    """Kamailio answered that it cannot do this; ``code`` is its own, as 404 or 500."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"Kamailio refused {method}: {code} {message}", "see its log")
        self.code = code


class KamailioRpc:
    """Calls of one Kamailio. May be used by several threads."""

    def __init__(
        self, url: str, timeout: float = 2.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        """``timeout`` is in seconds, for each step of a call (connect, send, receive)."""
        # The environment's proxies are for the outside.
        self._client = httpx.Client(timeout=timeout, transport=transport, trust_env=False)
        self._timeout = timeout
        self._url = url
        self._ids = count(1)

    def call(self, method: str, *params: str | float, timeout: float | None = None) -> Json:
        """Return the result; raise ``KamailioAway`` or ``RpcRefused``."""
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": next(self._ids)}
        try:
            # A connection of its own: Kamailio closes idle ones, and calls are few.
            answer = self._client.post(
                self._url,
                json=request,
                headers={"Connection": "close"},
                timeout=timeout or self._timeout,
            )
        except httpx.HTTPError as error:
            raise KamailioAway(f"Kamailio does not answer {method} ({_why(error)})") from error
        return _result(method, answer)

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()


def _result(method: str, answer: httpx.Response) -> Json:
    """Errors come with their own HTTP status, so the body decides."""
    try:
        # What a stranger put into a SIP message comes as it was sent.
        body = json.loads(answer.content.decode(errors="replace"), strict=False)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise RpcRefused(method, answer.status_code, "no JSON in the answer")
    if "error" in body:
        error = body["error"] if isinstance(body["error"], dict) else {}
        code, message = error.get("code", answer.status_code), error.get("message", "")
        raise RpcRefused(method, int(code), str(message))
    result: Json = body.get("result")
    return result


def _why(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
