"""The paths below /bans."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Body as InBody

from ringwall.api.ban_models import BanRow, Bans, NewBan, Unbanned
from ringwall.api.bans import BanDesk
from ringwall.api.models import Error

_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Error}}


def bans(desk: BanDesk) -> APIRouter:
    """Return the paths below /bans."""
    router = APIRouter(tags=["bans"])

    @router.get("")
    def listed() -> Bans:
        """List who is banned, by the end of the ban."""
        return desk.list()

    @router.put("/{address}")
    def add(address: str, wanted: Annotated[NewBan, InBody()] = NewBan()) -> BanRow:  # noqa: B008 - not changed
        """Ban an address, in Kamailio and in the kernel; a registered one in Kamailio alone."""
        return desk.add(address, wanted)

    @router.delete("/{address}", responses=_MISSING)
    def remove(address: str) -> Unbanned:
        """Lift a ban, and forget what led to it."""
        desk.remove(address)
        return Unbanned(address=address)

    return router
