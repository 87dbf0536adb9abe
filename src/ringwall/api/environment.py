"""What the container gives control: settings, secrets, and the volume of the PBXs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event as Flag

from fastapi import FastAPI
from pydantic import ValidationError

from ringwall.api import app, metrics
from ringwall.api.bans import BanDesk
from ringwall.api.blocks import BlockDesk
from ringwall.api.board import Board
from ringwall.api.calls import Calls
from ringwall.api.desk import Desk
from ringwall.api.guard import Access
from ringwall.api.intake import Intake, KeptOut
from ringwall.api.mailboxes import Mailboxes
from ringwall.api.metrics import PushMetrics, RecordMetrics
from ringwall.api.pushes import PushDesk
from ringwall.api.recorder import Recorder
from ringwall.api.registered import RegistrationDesk
from ringwall.api.verdicts import VerdictDesk
from ringwall.config import model as config
from ringwall.config.addresses import Addresses
from ringwall.config.model import Settings
from ringwall.config.records_model import Records
from ringwall.errors import RingwallError
from ringwall.render.blocklist import never_blocked
from ringwall.render.containers import GUARD_PORT
from ringwall.render.flood import never_banned
from ringwall.render.kamailio import RPC_PORT
from ringwall.render.rtpengine import NG_PORT
from ringwall.security.tokens import TokenFile
from ringwall.store.bans import StoredBans
from ringwall.store.blocks import StoredBlocks
from ringwall.store.cdrs import Cdrs
from ringwall.store.database import Database
from ringwall.store.dialogs import StoredDialogs
from ringwall.store.outbox import Outbox
from ringwall.store.registrations import StoredRegistrations
from ringwall.store.subscribers import Subscribers
from ringwall.store.verdicts import StoredVerdicts
from ringwall.telemetry import rtpengine_ng
from ringwall.telemetry.guard import Guard
from ringwall.telemetry.kamailio_rpc import KamailioRpc
from ringwall.telemetry.push_client import Target
from ringwall.telemetry.push_courier import Rules
from ringwall.telemetry.registrations import Registrations
from ringwall.telemetry.rejects import Rejects
from ringwall.telemetry.spool import Spool


@dataclass(frozen=True, slots=True)
class Environment:
    """The directories, as the compose file mounts them."""

    settings: Path = Path("/etc/ringwall/settings.json")
    secrets: Path = Path("/run/ringwall/secrets")
    pbx: Path = Path("/var/lib/ringwall/pbx")
    spool: Path = Path("/var/lib/ringwall/spool")

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
    recorder: Recorder
    records: Records
    bans: BanDesk
    blocks: BlockDesk
    pushes: Registrations | None
    """None where nobody is told of registrations."""
    ready: Flag
    """To be set when the schema is up to date."""


def assemble(environment: Environment) -> Control:
    """Put control together; nothing is connected yet."""
    settings = environment.load_settings()
    addresses = Addresses(settings)
    password = environment.secret("db_password")
    database = Database(addresses.mariadb, password)
    kamailio = KamailioRpc(f"http://{addresses.kamailio_sbc}:{RPC_PORT}/RPC")
    subscribers = Subscribers(database, settings.sbc.domains[0])
    mailboxes = Mailboxes(environment.pbx, settings, environment.secret("ami_secret"))
    desk = Desk(subscribers, kamailio, mailboxes, settings.pbx.conference_rooms.split(","))
    media = partial(rtpengine_ng.answers, str(addresses.rtpengine_sbc), NG_PORT)
    ready = Flag()
    board = Board(settings.pbx.nodes, database, kamailio, media, ready)
    access = Access(TokenFile(environment.secrets / "tokens.json"), addresses.prometheus)
    calls = Calls(kamailio, StoredDialogs(database))
    api = app.make(desk, board, Cdrs(database), calls, access)
    spool = Spool(environment.spool, settings.records.spool_size.bytes)
    outbox = Outbox(Database(addresses.mariadb, password))
    pushes = _pushes(environment, settings.telemetry.registrations, outbox)
    phones = RegistrationDesk(kamailio, StoredRegistrations(database), subscribers.domain)
    app.add_registrations(api, phones, PushDesk(outbox, pushes))
    app.add_verdicts(api, VerdictDesk(StoredVerdicts(database)))
    guard = Guard(f"http://{addresses.kamailio_sbc}:{GUARD_PORT}")
    listed = StoredBlocks(Database(addresses.mariadb, password))
    enabled = settings.security.blocklist.enabled
    blocks = BlockDesk(listed, kamailio, guard, never_blocked(settings), enabled)
    app.add_blocks(api, blocks)
    kept = StoredBans(Database(addresses.mariadb, password))
    bans = BanDesk(kept, kamailio, guard, never_banned(settings), blocks.allows)
    app.add_bans(api, bans)
    wake = None if pushes is None else pushes.wake
    own = Database(addresses.mariadb, password)
    rejects = Rejects(environment.spool)
    recorder = Recorder(spool, rejects, own, wake)
    api.add_middleware(
        Intake,
        spool=spool,
        recorder=recorder,
        kept_out=KeptOut(bans, blocks),
        kamailio=addresses.kamailio_sbc,
    )
    told = [] if pushes is None else [PushMetrics(outbox, pushes)]
    metrics.install(api, RecordMetrics(spool, rejects, recorder.counts), *told)
    return Control(
        database, subscribers, desk, api, recorder, settings.records, bans, blocks, pushes, ready
    )


def _pushes(
    environment: Environment, wanted: config.Registrations, outbox: Outbox
) -> Registrations | None:
    if wanted.url is None:
        return None
    secret, timeout = environment.secret("registrations_secret"), float(wanted.timeout.seconds)
    target = Target(wanted.url, secret, timeout, wanted.batch > 1, wanted.ca)
    give_up = float(wanted.give_up_after.seconds)
    rules = Rules(wanted.parallel, wanted.batch, give_up, wanted.max_pending)
    return Registrations(outbox, target, rules)
