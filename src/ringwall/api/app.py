"""The REST interface itself: paths, and what stands behind each."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body, FastAPI

from ringwall.api import ban_routes, block_routes, call_routes, errors, push_routes, verdicts
from ringwall.api.bans import BanDesk
from ringwall.api.blocks import BlockDesk
from ringwall.api.board import Board
from ringwall.api.calls import Calls
from ringwall.api.desk import Desk
from ringwall.api.guard import OPEN_PATH, Access, Guard
from ringwall.api.models import (
    MAX_ROWS,
    AddedOne,
    Changed,
    Error,
    Health,
    Imported,
    NewGroup,
    NewPassword,
    NewSubscriber,
    PasswordSet,
    Status,
    Subscriber,
)
from ringwall.api.pushes import PushDesk
from ringwall.api.registered import RegistrationDesk
from ringwall.errors import BadInput
from ringwall.store.cdrs import Cdrs

PREFIX = "/api/v1"
_NO_BODY = Body(NewPassword())


def make(desk: Desk, board: Board, cdrs: Cdrs, calls: Calls, access: Access) -> FastAPI:
    """Return the app; what it asks of whom is the guard's."""
    app = FastAPI(
        title="Ringwall",
        version="1",
        # The pages that FastAPI brings load scripts from the Internet.
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        responses={401: {"model": Error}, 422: {"model": Error}, 503: {"model": Error}},
    )
    errors.install(app)
    app.include_router(_system(board), prefix=PREFIX)
    app.include_router(_subscribers(desk), prefix=f"{PREFIX}/subscribers")
    app.include_router(call_routes.records(cdrs), prefix=f"{PREFIX}/cdrs")
    app.include_router(call_routes.active(calls), prefix=f"{PREFIX}/calls")
    app.add_middleware(Guard, access=access)
    return app


def add_registrations(app: FastAPI, phones: RegistrationDesk, pushes: PushDesk) -> None:
    """Add what there is to say of registrations, and of who is told of them."""
    app.include_router(push_routes.registrations(phones), prefix=f"{PREFIX}/registrations")
    app.include_router(push_routes.pushes(pushes), prefix=f"{PREFIX}/pushes")


def add_verdicts(app: FastAPI, desk: verdicts.VerdictDesk) -> None:
    """Add why requests were refused."""
    app.include_router(verdicts.routes(desk), prefix=f"{PREFIX}/verdicts")


def add_bans(app: FastAPI, desk: BanDesk) -> None:
    """Add what there is to say of bans."""
    app.include_router(ban_routes.bans(desk), prefix=f"{PREFIX}/bans")


def add_blocks(app: FastAPI, desk: BlockDesk) -> None:
    """Add what there is to say of the blocklist."""
    app.include_router(block_routes.blocks(desk), prefix=f"{PREFIX}/blocks")


def _system(board: Board) -> APIRouter:
    router = APIRouter(tags=["system"])

    @router.get(OPEN_PATH.removeprefix(PREFIX))
    def health() -> Health:
        """Tell that the API answers and the schema is up to date; needs no token."""
        if not board.ready:
            raise errors.Starting("control waits for MariaDB", "see `docker logs control`")
        return Health()

    @router.get("/status")
    def status() -> Status:
        """Tell what is up, and how much is going on."""
        return board.read()

    return router


def _subscribers(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["subscribers"])

    @router.get("")
    def subscribers() -> list[Subscriber]:
        """List all subscribers."""
        names, registered, groups = desk.names(), desk.registered(), desk.groups()
        locked = desk.locked_out()
        return [
            Subscriber(
                username=name,
                domain=desk.domain,
                registered=None if registered is None else name.lower() in registered,
                group=groups.get(name),
                locked_out=None if locked is None else name in locked,
            )
            for name in names
        ]

    @router.post("", status_code=201, responses={409: {"model": Error}})
    def add(wanted: NewSubscriber) -> AddedOne:
        """Add a subscriber."""
        added, warnings = desk.add(wanted)
        return AddedOne(**added.model_dump(), warnings=warnings)

    @router.post("/import", status_code=201, responses={409: {"model": Error}})
    def import_all(rows: list[NewSubscriber]) -> Imported:
        """Add all of up to 100,000 subscribers, or none: then ``errors`` tells every fault."""
        if len(rows) > MAX_ROWS:
            raise BadInput(f"{len(rows)} rows exceed {MAX_ROWS}", "split them")
        added, warnings = desk.add_all(rows)
        return Imported(subscribers=added, warnings=warnings)

    _one_subscriber(router, desk)
    return router


def _one_subscriber(router: APIRouter, desk: Desk) -> None:
    missing: dict[int | str, dict[str, Any]] = {404: {"model": Error}}

    @router.put("/{username}/password", responses=missing)
    def set_password(username: str, wanted: NewPassword = _NO_BODY) -> PasswordSet:
        """Set a subscriber's password. Phones that are registered stay so until they expire."""
        made, warnings = desk.set_password(username, wanted.password)
        return PasswordSet(username=username, domain=desk.domain, password=made, warnings=warnings)

    @router.delete("/{username}/lockout", responses=missing)
    def unlock(username: str) -> Changed:
        """Let a subscriber in from anywhere, and forget the wrong passwords."""
        desk.unlock(username)
        return Changed(username=username, domain=desk.domain)

    @router.put("/{username}/group", responses=missing)
    def put_into(username: str, wanted: NewGroup) -> Changed:
        """Make a subscriber one of a group, or of none."""
        warnings = desk.put_into(username, wanted.group)
        return Changed(username=username, domain=desk.domain, warnings=warnings)

    @router.delete("/{username}", responses=missing)
    def remove(username: str) -> Changed:
        """Remove a subscriber and its registrations."""
        warnings = desk.remove(username)
        return Changed(username=username, domain=desk.domain, warnings=warnings)
