"""Calls by the thousand: SIPp's own log of each, to be compared with the tables."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system import records

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from tests.system.stack import Stack

    from ringwall.checks.phone import Account

_SCENARIOS = Path(__file__).parent / "scenarios"
_RECV_MS = 20_000
WIDE = "security: {flood: {unknown: 1000/s, registered: 1000/s}}\n"
"""As the end of ringwall.yaml: all calls come from one address, and its budget must hold them."""
MIX = ("600@", "600@", "600@", "600@", "600@", "601@", "601@", "601@", "59999999@", "")
"""What is dialled, up to the host: the echo, the announcement, nobody's number, no number."""


@dataclass
class Seen:
    """A call as SIPp saw it; times in seconds since the epoch, 0: it did not come to that."""

    begun: float = 0.0
    answered: float = 0.0
    hung_up: float = 0.0
    ended: float = 0.0
    failed: float = 0.0
    gone: float = 0.0
    """When its BYE was answered 481."""
    code: str = ""
    """Of the final answer that made it fail."""

    @property
    def accepted(self) -> bool:
        """Whether the SBC let it succeed or fail, to the end."""
        return bool(self.failed or (self.answered and self.ended))


@dataclass(frozen=True)
class Load:
    """``rate`` calls a second for ``seconds``; those that are answered last ``hold`` seconds."""

    system: Stack
    rate: int = 20
    seconds: float = 20.0
    hold: float = 1.0
    users: int = 20
    mix: tuple[str, ...] = MIX
    calls: dict[str, Seen] = field(default_factory=dict)
    """By Call-ID; there when the load has ended."""
    accounts: list[Account] = field(default_factory=list)
    """Who calls; none: new ``users``."""

    @property
    def total(self) -> int:
        """How many calls are placed."""
        return round(self.rate * self.seconds)

    @property
    def accepted(self) -> Mapping[str, Seen]:
        """Those that got their final answers."""
        return {call_id: seen for call_id, seen in self.calls.items() if seen.accepted}

    @contextmanager
    def running(self) -> Iterator[Future[None]]:
        """Place them while the caller does something else; at the end ``calls`` is complete."""
        if not self.accounts:
            self.accounts.extend(self.system.subscriber() for _ in range(self.users))
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(self._run)
            yield done
            done.result()

    def run(self) -> None:
        """Place them and wait for their end."""
        with self.running():
            pass

    def rows(self) -> dict[str, records.Row]:
        """Return what ``cdrs`` has of these users, by correlation id."""
        mine = ", ".join(records.text(account.username) for account in self.accounts)
        found = records.rows(self.system, "cdrs", f"caller IN ({mine})")
        by_call = {str(row["correlation_id"]): row for row in found}
        assert len(by_call) == len(found), "a call has two rows"
        return by_call

    def wait_recorded(self, timeout: float = 60, missing: int = 0) -> dict[str, records.Row]:
        """Wait until all that were accepted are on record, but for ``missing``; return all rows."""
        wait_until(
            lambda: len(self.accepted.keys() - self.rows().keys()) <= missing,
            timeout,
            f"{len(self.accepted)} calls on record",
            1.0,
        )
        return self.rows()

    def _run(self) -> None:
        with tempfile.TemporaryDirectory(prefix="ringwall-load-") as name:
            folder = Path(name)
            folder.chmod(0o777)
            (folder / "users.csv").write_text(self._users())
            self.system.tools(
                "sh", "-c", self._command(), timeout=self.seconds + self.hold + 90,
                options=("--user=0", "--workdir=/work", "-v", f"{folder}:/work",
                         "-v", f"{_SCENARIOS}:/scenarios:ro"),
            )  # fmt: skip
            for line in (folder / "calls.log").read_text().splitlines():
                self._note(line.split())

    def _users(self) -> str:
        lines = [
            f"{one.username};{number};"
            f"[authentication username={one.username} password={one.password}]"
            for number in self.mix
            for one in self.accounts
        ]
        # Every user and every number in turn, in another order than the alphabet's.
        secrets.SystemRandom().shuffle(lines)
        return "\n".join(["SEQUENTIAL", *lines]) + "\n"

    def _command(self) -> str:
        """1 says that calls failed, which some must; more, that SIPp did."""
        return (
            f"sipp {self.system.edge}:5060 -sf /scenarios/load.xml -inf users.csv "
            f"-r {self.rate} -m {self.total} -l {self.total} -d {round(self.hold * 1000)} "
            f"-cid_str '%u-{secrets.token_hex(4)}@%s' -default_behaviors none "
            f"-recv_timeout {_RECV_MS} -nostdin -p 5060 -trace_logs -log_file calls.log "
            "-trace_err -error_file errors >screen 2>&1; "
            "status=$?; [ $status -le 1 ] || { tail -n 30 errors screen >&2; exit $status; }"
        )

    def _note(self, words: list[str]) -> None:
        what, call_id, _, _, moment, *code = words
        seen = self.calls.setdefault(call_id, Seen())
        setattr(seen, what.replace("-", "_"), float(moment))
        seen.code = code[0] if code else seen.code
