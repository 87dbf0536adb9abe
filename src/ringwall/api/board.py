"""The state of the whole system, whatever part of it is away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from typing import TypeVar

from ringwall.api.models import NodeStatus, State, Status
from ringwall.config.model import Node
from ringwall.errors import RingwallError
from ringwall.store.database import Database
from ringwall.telemetry import kamailio_state
from ringwall.telemetry.kamailio_rpc import KamailioRpc
from ringwall.telemetry.kamailio_state import Target

_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)


class Board:
    """Asks every part at the same time; each has a time limit of its own (2 s)."""

    def __init__(
        self,
        nodes: Sequence[Node],
        database: Database,
        kamailio: KamailioRpc,
        media: Callable[[], bool],
        ready: Flag | None = None,
    ) -> None:
        """``ready`` is set when the schema is up to date; None: it is."""
        self._ready = ready
        self._nodes, self._database, self._kamailio = nodes, database, kamailio
        self._media = media

    @property
    def ready(self) -> bool:
        """Whether the schema is up to date."""
        return self._ready is None or self._ready.is_set()

    def read(self) -> Status:
        """Return what is known now; what does not answer is down or unknown, never an error."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            targets = pool.submit(_asked, lambda: kamailio_state.targets(self._kamailio))
            counts = pool.submit(_asked, lambda: kamailio_state.counts(self._kamailio))
            database = pool.submit(_asked, self._database_answers)
            media = pool.submit(_asked, self._media)
        numbers, known = counts.result(), targets.result()
        return Status(
            nodes=[_node(node, known or []) for node in self._nodes],
            registrations=numbers.registrations if numbers else None,
            calls=numbers.dialogs if numbers else None,
            database="up" if database.result() else "down",
            kamailio="down" if numbers is None and known is None else "up",
            media="up" if media.result() else "down",
        )

    def _database_answers(self) -> bool:
        self._database.ping()
        return True


def _asked(question: Callable[[], _Answer]) -> _Answer | None:
    try:
        return question()
    except RingwallError as error:
        _log.warning("status: %s", error)
        return None


def _node(node: Node, targets: Sequence[Target]) -> NodeStatus:
    """Return the state of a node; it may stand in several sets, and is up where one says so."""
    states = {target.state for target in targets if target.node == node.name}
    order: tuple[State, ...] = ("up", "down", "unknown")
    state = next((state for state in order if state in states), "unknown")
    return NodeStatus(name=node.name, address=str(node.address), state=state)
