"""One request to the external API, whatever it does with it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from ringwall import __version__
from ringwall.telemetry.push_queue import Push
from ringwall.telemetry.push_signature import sign

MAX_ANSWER = 64 * 1024
"""Bytes of an answer's body that are read; whoever sends more loses the connection."""
_CONNECT_SECONDS = 3.0
_RETRY_AFTER_STATUS = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Target:
    """Where pushes go. ``ca`` is the PEM text of a private CA; None: the public ones.

    ``timeout`` is in seconds, for a whole request: name, connection, answer. ``is_list``
    makes a body an array of documents, not one document.
    """

    url: str
    secret: str
    timeout: float = 5.0
    is_list: bool = False
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request; it was delivered when there is no ``error``.

    ``error`` has no word that the API chose: it goes to logs and screens. ``reached`` tells
    whether there was a connection; ``retry_after`` is what the API asked for, in seconds.
    """

    error: str | None = None
    reached: bool = True
    retry_after: float | None = None


class PushClient:
    """Sends pushes over connections that it keeps open. Belongs to one event loop."""

    def __init__(self, target: Target) -> None:
        self._target, self._trust = target, _trust(target)
        # One client a connection: what httpx spends on a pool grows with its connections.
        self._idle: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for client in self._idle:
            await client.aclose()

    async def send(self, pushes: Sequence[Push]) -> Outcome:
        """Send them in one request; never raises for anything that the API does."""
        body = _body(pushes, self._target.is_list)
        try:
            async with asyncio.timeout(self._target.timeout):
                return await self._post(body, _headers(self._target, pushes, body))
        except TimeoutError:
            return Outcome(f"no answer within {self._target.timeout:g} s")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Outcome(f"no connection: {_why(error)}", reached=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Outcome(f"the connection broke: {_why(error)}")

    async def _post(self, body: bytes, headers: dict[str, str]) -> Outcome:
        url, client = self._target.url, self._idle.pop() if self._idle else self._new()
        try:
            async with client.stream("POST", url, content=body, headers=headers) as response:
                outcome = _judged(response)
                await _drain(response)
                return outcome
        finally:
            self._idle.append(client)

    def _new(self) -> httpx.AsyncClient:
        connect = min(_CONNECT_SECONDS, self._target.timeout)
        return httpx.AsyncClient(
            verify=self._trust,
            timeout=httpx.Timeout(self._target.timeout, connect=connect),
            limits=httpx.Limits(max_connections=1, keepalive_expiry=30.0),
            follow_redirects=False,
            trust_env=False,  # the environment's proxies are for other errands
        )


async def _drain(response: httpx.Response) -> None:
    """Read a short answer to its end, so that the connection can be used again.

    The status has decided already: a body that is long, breaks off or never comes costs the
    connection alone.
    """
    read = 0
    try:
        async with asyncio.timeout(1.0):
            async for part in response.aiter_raw(MAX_ANSWER):
                read += len(part)
                if read >= MAX_ANSWER:
                    return
    except (TimeoutError, httpx.HTTPError):
        return


def _judged(response: httpx.Response) -> Outcome:
    status = response.status_code
    if response.is_success:
        return Outcome()
    if response.has_redirect_location:
        return Outcome(f"answers {status}: redirects are not followed")
    asked = response.headers.get("Retry-After", "")
    is_number = status in _RETRY_AFTER_STATUS and asked.isascii() and asked.isdigit()
    return Outcome(f"answers {status}", retry_after=float(asked[:9]) if is_number else None)


def _body(pushes: Sequence[Push], is_list: bool) -> bytes:
    documents = ",".join(push.document for push in pushes)
    return (f"[{documents}]" if is_list else documents).encode()


def _headers(target: Target, pushes: Sequence[Push], body: bytes) -> dict[str, str]:
    now = int(time.time())
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Ringwall/{__version__}",
        "Accept-Encoding": "identity",
        "Idempotency-Key": _key(pushes),
        "X-Ringwall-Timestamp": str(now),
        "X-Ringwall-Signature": sign(target.secret, now, body),
    }


def _key(pushes: Sequence[Push]) -> str:
    """Return the event's id; of several, a digest of their ids."""
    if len(pushes) == 1:
        return pushes[0].event_id
    return hashlib.sha256("\n".join(push.event_id for push in pushes).encode()).hexdigest()


def _trust(target: Target) -> ssl.SSLContext:
    if not target.url.lower().startswith("https:"):
        # Never used, as redirects are not followed: it trusts nobody, and reads no file of CAs.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if target.ca is None:
        return httpx.create_ssl_context()
    return ssl.create_default_context(cadata=target.ca)


def _why(error: Exception) -> str:
    """Return the system's or TLS's own words, on one line; what a stranger sent is left out."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not good ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed ({cause.reason or 'handshake'})"
        if isinstance(cause, OSError) and cause.strerror:
            # Python's own words hold addresses; those of a name that is not found do not.
            number = cause.errno or 0
            return os.strerror(number) if number > 0 else cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
