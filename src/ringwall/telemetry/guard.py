"""The guard of the kernel's bans, in the SBC's network namespace: the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from ringwall.errors import RingwallError

_NEVER_BANNED = 409
_BLOCK_SECONDS = 20.0


class GuardAway(RingwallError):
    """The guard did not answer, or could not do it: the container `fail2ban`."""


@dataclass(frozen=True, slots=True)
class KernelBan:
    """An address whose packets the kernel drops."""

    address: str
    seconds: int
    made_by: str
    packets: int
    """How many were dropped so far."""


class Guard:
    """Calls of the guard of one SBC. May be used by several threads."""

    def __init__(
        self, url: str, timeout: float = 2.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        # The environment's proxies are for the outside.
        self._client = httpx.Client(
            base_url=url, timeout=timeout, transport=transport, trust_env=False
        )

    def bans(self) -> dict[str, KernelBan]:
        """Return all bans of the kernel, by address."""
        answer = self._ask("GET", "/bans").json()
        return {each["address"]: KernelBan(**each) for each in answer["bans"]}

    def ban(self, address: str, seconds: int, made_by: str) -> None:
        """Have the kernel drop what comes from there; who is never banned is passed over."""
        self._ask("PUT", _path(address), {"seconds": seconds, "by": made_by})

    def unban(self, address: str) -> None:
        """Let it through again; fail2ban forgets it too."""
        self._ask("DELETE", _path(address))

    def blocks_version(self) -> str:
        """Return which list of blocks the kernel has; none since the guard began: empty."""
        return str(self._ask("GET", "/blocks").json()["version"])

    def block(self, blocked: Sequence[str], allowed: Sequence[str], version: str) -> None:
        """Replace the lists of who is blocked and who is allowed; 100,000 take a second."""
        lists = {"blocked": blocked, "allowed": allowed, "version": version}
        self._ask("PUT", "/blocks", content=lists, timeout=_BLOCK_SECONDS)

    def _ask(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        content: object = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        try:
            answer = self._client.request(
                method,
                path,
                params=query,
                json=content,
                headers={"Connection": "close"},
                timeout=timeout or self._client.timeout,
            )
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise GuardAway(
                f"the guard of the kernel's bans does not answer ({why})",
                "see `docker logs fail2ban`",
            ) from error
        if not answer.is_success and answer.status_code != _NEVER_BANNED:
            raise GuardAway(
                f"the guard refused {method} {path}: {answer.status_code} {answer.text.strip()}",
                "see `docker logs fail2ban`",
            )
        return answer


def _path(address: str) -> str:
    return f"/bans/{quote(address, safe='')}"
