"""Audits of both systems: each runs once, the cases that were selected, and a test is a case."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import RESULTS
from tests.system.configured import configured

if TYPE_CHECKING:
    from tests.system.stack import Stack

STRICT = """\
security:
  tls: {required: true, client_certificates: required}
  srtp: {edge: required}
  signature: {mode: hmac, groups: [official]}
"""
"""TLS and certificates of phones, SRTP, and signatures of official clients."""


@dataclass(frozen=True)
class Audited:
    """What `ringwall audit --json` told of a system."""

    told: dict[str, Any]
    report: Path

    def case(self, name: str) -> dict[str, Any]:
        """Return what came of a case."""
        found: dict[str, Any] = next(one for one in self.told["cases"] if one["name"] == name)
        return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("attack")


@pytest.fixture(scope="session")
def default(instance: Stack, request: pytest.FixtureRequest) -> Audited:
    """The default system under attack."""
    return _audit(instance, "default", request.session)


@pytest.fixture(scope="session")
def strict(instance: Stack, request: pytest.FixtureRequest) -> Audited:
    """The strict one, which is strict no longer when it was audited."""
    with configured(instance, STRICT):
        return _audit(instance, "strict", request.session)


def _audit(system: Stack, name: str, session: pytest.Session) -> Audited:
    folder = RESULTS / "audit"
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / f"{name}.html"
    only = [option for case in _selected(session, name) for option in ("--only", case)]
    log = folder / f"{name}.log"
    command = system.command("audit", "--json", "--html", str(report), *only)
    with log.open("w") as told:  # whoever waits can read along
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=told, text=True, timeout=1500, check=False
        )
    if done.returncode not in {0, 1}:
        system.keep_logs(folder / "containers")
        pytest.fail(f"ringwall audit: {done.returncode}\n{log.read_text()[-2000:]}")
    (folder / f"{name}.json").write_text(done.stdout)
    return Audited(json.loads(done.stdout), report)


def _selected(session: pytest.Session, system: str) -> list[str]:
    """Return the cases that this run asks for, of this system; -k may have left out many."""
    wanted = f"test_{system}_system["
    return [
        item.name.removeprefix(wanted).removesuffix("]")
        for item in session.items
        if item.name.startswith(wanted)
    ]
