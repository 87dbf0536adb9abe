"""The paths below /blocks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Body as InBody

from ringwall.api.block_models import (
    Blocks,
    BlocksImported,
    Made,
    NewBlock,
    Removed,
    Seconds,
)
from ringwall.api.blocks import BlockDesk
from ringwall.api.models import Error

_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Error}}


def blocks(desk: BlockDesk) -> APIRouter:
    """Return the paths below /blocks."""
    router = APIRouter(tags=["blocks"])

    @router.get("")
    def listed(address: Annotated[str | None, Query(max_length=45)] = None) -> Blocks:
        """List who is blocked and who is allowed, or the entries that an address is in."""
        return desk.listed(address)

    @router.post("/import")
    def import_all(
        lines: Annotated[bytes, InBody(media_type="text/plain")],
        replace: bool = False,
        seconds: Annotated[Seconds, Query()] = None,
    ) -> BlocksImported:
        """Block up to 100,000 addresses and networks, one a line, comments after #; or none.

        ``replace``: what else is blocked is so no longer. The allowlist stays as it is.
        """
        return desk.import_all(lines, replace, seconds)

    @router.put("/{target:path}")
    def put(target: str, wanted: Annotated[NewBlock, InBody()] = NewBlock()) -> Made:  # noqa: B008 - not changed
        """Block an address or a network, or allow it whatever else would keep it out."""
        return desk.put(target, wanted)

    @router.delete("/{target:path}", responses=_MISSING)
    def remove(target: str) -> Removed:
        """Take an entry off the list: the next packet gets through."""
        return desk.remove(target)

    return router
