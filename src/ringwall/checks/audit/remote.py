"""An audit of a system that is not ours: it is asked slowly, and its answers alone are judged."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringwall.checks.audit.attacker import Attacker
from ringwall.checks.audit.case import Broken
from ringwall.checks.audit.catalogue.requests import request
from ringwall.checks.audit.edge import Edge
from ringwall.checks.audit.result import Result, ScoreCard
from ringwall.errors import RingwallError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ipaddress import IPv4Address

    from ringwall.checks.audit.case import Case, Family
    from ringwall.config.model import Settings
    from ringwall.runtime.engine import Engine

_PACE_S = 0.5
"""Between messages: two a second, less than one phone that registers."""
_NOT_OURS = "asks for accounts, floods, or looks behind the answers: for a system of one's own"


@dataclass
class RemoteAudit:
    """What can be asked of a stranger's SBC: one message a case, from one address."""

    engine: Engine
    image: str
    network: str
    target: IPv4Address
    settings: Settings
    say: Callable[[str], None]

    def run(self, families: Sequence[Family]) -> ScoreCard:
        """Send the messages that answers alone judge; return what came of it."""
        card = ScoreCard(str(self.target), answers_only=True)
        began = time.monotonic()
        with Attacker(self.engine, self.image, self.network, [], "ringwall") as attacker:
            stage = Edge(self.settings, attacker, str(self.target))
            self._require_answer(stage)
            for family in families:
                card.results += [self._case(stage, family, case) for case in family.cases]
        card.seconds = time.monotonic() - began
        return card

    def _require_answer(self, stage: Edge) -> None:
        """Else silence, which is what many attacks must meet, would prove nothing."""
        with stage.stranger() as client:
            client.send(stage.filled(request("OPTIONS", "sip:{edge}"), client))
            if not isinstance(stage.outcome(client), int):
                raise RingwallError(
                    f"{self.target} does not answer OPTIONS: nothing was attacked",
                    "it must be a SIP server on port 5060/udp that this machine reaches",
                )
        time.sleep(_PACE_S)

    def _case(self, stage: Edge, family: Family, case: Case) -> Result:
        why_not = case.does_not_apply(self.settings)
        if why_not or case.message is None:
            return Result(case, family, "", 0.0, why_not or _NOT_OURS)
        self.say(f"{case.name}: {case.what}")
        began = time.monotonic()
        fault = ""
        try:
            case.message(stage)
        except (Broken, OSError) as error:
            fault = str(error) or "could not be tried"
        finally:
            stage.clean()
        time.sleep(_PACE_S)
        return Result(case, family, fault, time.monotonic() - began)
