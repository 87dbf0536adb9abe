"""Runs the catalogue against the own system: attack, legitimate call, processes, memory."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringwall.checks import testcall
from ringwall.checks.audit import legit
from ringwall.checks.audit.attacker import Attacker, free_addresses
from ringwall.checks.audit.case import Broken
from ringwall.checks.audit.cast import hired
from ringwall.checks.audit.layers import everyone_signs
from ringwall.checks.audit.result import Check, Result, ScoreCard
from ringwall.checks.audit.stage import Stage
from ringwall.checks.audit.watch import GROWTH, Memory, Watch
from ringwall.checks.phone import Phone
from ringwall.config.addresses import Addresses
from ringwall.errors import RingwallError
from ringwall.render.containers import containers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ipaddress import IPv4Address

    from ringwall.checks.audit.case import Case, Family
    from ringwall.checks.audit.stage import Api
    from ringwall.checks.phone import Line
    from ringwall.config.model import Settings
    from ringwall.config.workspace import Workspace

_FEWEST = 8
"""Addresses without which the flood budgets would stop an audit, and not its subject."""


@dataclass
class Audit:
    """An audit of the system that a working directory describes."""

    line: Line
    place: Workspace
    settings: Settings
    api: Api
    say: Callable[[str], None]
    """Gets a line as each case begins, and as each fails."""

    def run(self, families: Sequence[Family]) -> ScoreCard:
        """Attack; return what came of it."""
        card = ScoreCard(str(self.line.edge))
        began = time.monotonic()
        with ExitStack() as stack:
            stage, source = self._stage(stack)
            watch = self._watch()
            stack.callback(watch.close)
            _require_call(stage, source)
            _Run(self, stage, source, watch, card).all(families)
        card.seconds = time.monotonic() - began
        return card

    def _stage(self, stack: ExitStack) -> tuple[Stage, str]:
        """Set it up; return it, and the address of the legitimate caller."""
        engine = self.line.engine
        free = free_addresses(engine, self.settings, self.line.network)
        if len(free) < _FEWEST:
            raise RingwallError(
                f"the network {self.line.network} has only {len(free)} free addresses",
                "make instance.subnets.edge wider: a /24 is good",
            )
        cast = stack.enter_context(hired(self.api, self.settings, self.place))
        attacker = stack.enter_context(
            Attacker(engine, self.line.image, self.line.network, free, self.line.network)
        )
        source = attacker.reserve()
        stage = Stage(
            self.settings, attacker, str(self.line.edge), engine, self.api, cast, self._inside()
        )
        stack.callback(stage.forget, source)
        stack.callback(stage.clean)
        return stage, source

    def _inside(self) -> dict[str, IPv4Address]:
        addresses = Addresses(self.settings)
        return {
            "control": addresses.control,
            "mariadb": addresses.mariadb,
            "media": addresses.rtpengine_edge,
            "pbx": self.settings.pbx.nodes[0].address,
            "core": self.settings.instance.subnets.sbc[2],
        }

    def _watch(self) -> Watch:
        name = Addresses(self.settings).container
        roles = [one.role for one in containers(self.settings)]
        others = [name(role) for role in roles if role != "kamailio_sbc"]
        return Watch(self.line.engine, name("kamailio_sbc"), others)


@dataclass
class _Run:
    """One pass through the catalogue."""

    audit: Audit
    stage: Stage
    source: str
    watch: Watch
    card: ScoreCard

    def all(self, families: Sequence[Family]) -> None:
        """Run every case; take the memory's measure in the middle and at the end."""
        total = sum(len(family.cases) for family in families)
        middle: Memory | None = None
        for family in families:
            if middle is None and len(self.card.results) + len(family.cases) / 2 > total / 2:
                middle = self.watch.memory()
            for case in family.cases:
                self.audit.say(f"[{len(self.card.results) + 1}/{total}] {case.name}: {case.what}")
                self.card.results.append(self._case(family, case))
            self.card.checks.append(self._real_call(family))
        restarted = ", ".join(self.watch.restarted())
        fault = f"started anew: {restarted}" if restarted else ""
        self.card.checks.append(Check("every container ran on", fault, "none was started anew"))
        if middle is not None:
            self.card.checks.append(_flat(middle, self.watch.memory()))

    def _case(self, family: Family, case: Case) -> Result:
        why_not = case.does_not_apply(self.stage.settings)
        if why_not:
            return Result(case, family, "", 0.0, why_not)
        began = time.monotonic()
        faults = [fault for fault in (self._attack(case), self._afterwards()) if fault]
        for fault in faults:
            self.audit.say(f"FAILED {case.name}: {fault}")
        return Result(case, family, "; ".join(faults), time.monotonic() - began)

    def _attack(self, case: Case) -> str:
        self.stage.begin()
        try:
            case.attack(self.stage)
        except Broken as broken:
            return str(broken)
        except (OSError, ValueError) as error:
            return f"could not be tried: {str(error) or type(error).__name__}"
        finally:
            self.stage.clean()
        return ""

    def _afterwards(self) -> str:
        """What the attack has left broken."""
        try:
            self.watch.check()
            legit.call(self.stage, self.source)
        except Broken as broken:
            return str(broken)
        finally:
            self.stage.clean()
        return ""

    def _real_call(self, family: Family) -> Check:
        name = f"a call with audio after {family.name}"
        if everyone_signs(self.stage.settings):
            return Check(name, "", "not placed: the phone of these calls cannot sign")
        account = self.stage.cast.caller
        phone = Phone(self.audit.line, account, self.stage.phone_transport)
        phone.encryption = self.stage.phone_encryption
        phone.card = self.stage.cast.cards.get(account.username)
        self.audit.say(name)
        try:
            with phone:
                report = testcall.place(phone, testcall.ECHO, lambda _: None)
        except RingwallError as error:
            return Check(name, str(error))
        return Check(name, "" if report.passed else report.verdict, report.verdict)


def _require_call(stage: Stage, source: str) -> None:
    """Else nothing that follows means anything."""
    try:
        legit.call(stage, source)
    except Broken as broken:
        raise RingwallError(
            f"nothing was attacked: {broken}",
            f"`ringwall call` tells more; a PBX of your own needs an echo at {legit.ECHO}",
        ) from None


def _flat(middle: Memory, end: Memory) -> Check:
    shared, private = middle.growth(end)
    detail = f"shared {shared:+.2%}, private {private:+.2%} in the second half"
    fault = "" if max(shared, private) < GROWTH else f"grew: {detail}"
    return Check("Kamailio's memory", fault, detail)
