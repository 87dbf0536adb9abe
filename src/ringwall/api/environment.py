"""What the container gives control: settings, secrets, and the volume of the PBXs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from pydantic import ValidationError

from ringwall.api import app
from ringwall.api.board import Board
from ringwall.api.desk import Desk
from ringwall.api.mailboxes import Mailboxes
from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.errors import RingwallError
from ringwall.render.kamailio import RPC_PORT
from ringwall.render.rtpengine import NG_PORT
from ringwall.security.tokens import TokenFile
from ringwall.store.database import Database
from ringwall.store.subscribers import Subscribers
from ringwall.telemetry import rtpengine_ng
from ringwall.telemetry.kamailio_rpc import KamailioRpc


@dataclass(frozen=True, slots=True)
class Environment:
    """The directories, as the compose file mounts them."""

    settings: Path = Path("/etc/ringwall/settings.json")
    secrets: Path = Path("/run/ringwall/secrets")
    pbx: Path = Path("/var/lib/ringwall/pbx")

    def load_settings(self) -> Settings:
        """Read settings.json; raise ``RingwallError``."""
        try:
            return Settings.model_validate_json(self.settings.read_bytes())
        except (OSError, ValidationError) as error:
            raise RingwallError(
                f"{self.settings}: cannot be used ({type(error).__name__})", "run `./ringwall up`"
            ) from error

    def secret(self, name: str) -> str:
        """Read a secret; raise ``RingwallError`` when it is missing or empty."""
        path = self.secrets / name
        try:
            value = path.read_text().strip()
        except OSError as error:
            raise RingwallError(
                f"{path}: cannot be read ({error.strerror})", "run `./ringwall up`"
            ) from error
        if not value:
            raise RingwallError(f"{path}: is empty", "run `./ringwall up`")
        return value


@dataclass(frozen=True, slots=True)
class Control:
    """The parts of a running control, put together."""

    database: Database
    subscribers: Subscribers
    desk: Desk
    app: FastAPI


def assemble(environment: Environment) -> Control:
    """Put control together; nothing is connected yet."""
    settings = environment.load_settings()
    addresses = Addresses(settings)
    database = Database(addresses.mariadb, environment.secret("db_password"))
    kamailio = KamailioRpc(f"http://{addresses.kamailio_sbc}:{RPC_PORT}/RPC")
    subscribers = Subscribers(database, settings.sbc.domains[0])
    mailboxes = Mailboxes(environment.pbx, settings, environment.secret("ami_secret"))
    desk = Desk(subscribers, kamailio, mailboxes, settings.pbx.conference_rooms.split(","))
    media = partial(rtpengine_ng.answers, str(addresses.rtpengine_sbc), NG_PORT)
    board = Board(settings.pbx.nodes, database, kamailio, media)
    tokens = TokenFile(environment.secrets / "tokens.json")
    return Control(database, subscribers, desk, app.make(desk, board, tokens))
