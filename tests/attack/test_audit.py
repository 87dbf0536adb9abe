"""The whole catalogue against the default system, and against a strict one.

That the attacks on a layer get through where it is switched off is seen beside this:
test_blocklist, test_flood, test_scanners, test_lockout, test_signature, test_tls, test_srtp.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from tests.attack.conftest import STRICT
from tests.system.configured import configured
from tests.system.stack import CONFIGURATION, PREFIX

from ringwall.checks.audit.catalogue import FAMILIES
from ringwall.checks.audit.remote import RemoteAudit
from ringwall.config.source import load
from ringwall.runtime import images

if TYPE_CHECKING:
    from tests.attack.conftest import Audited
    from tests.system.stack import Stack

    from ringwall.checks.audit.case import Case

_ALL = [case for family in FAMILIES for case in family.cases]


def _applying(text: str) -> list[Case]:
    """Return the cases that apply to a system with this configuration."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "ringwall.yaml")
        file.write_text(text)
        settings = load(file)
    return [case for case in _ALL if case.does_not_apply(settings) is None]


def _named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", _applying(CONFIGURATION), ids=_named)
def test_default_system(default: Audited, case: Case) -> None:
    found = default.case(case.name)
    assert found["passed"], found["fault"] or found["skipped"]


def test_whole_default_system(default: Audited) -> None:
    """Real calls after each family, and memory that does not grow."""
    assert [one for one in default.told["checks"] if not one["passed"]] == []
    assert default.report.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("case", _applying(CONFIGURATION + STRICT), ids=_named)
def test_strict_system(strict: Audited, case: Case) -> None:
    found = strict.case(case.name)
    assert found["passed"], found["fault"] or found["skipped"]


def test_whole_strict_system(strict: Audited) -> None:
    assert [one for one in strict.told["checks"] if not one["passed"]] == []


def test_nothing_of_an_audit_stays(system: Stack, default: Audited) -> None:
    """Neither subscribers, nor bans, nor containers."""
    assert default.told["cases"]
    names = [one["username"] for one in system.api.subscribers()]
    assert not [name for name in names if name.startswith("audit-")]
    assert system.api.bans()["bans"] == []
    listed = system.engine.docker("container", "ls", "-a", "--format", "{{.Names}}").split()
    assert not [name for name in listed if name.startswith(PREFIX) and "_audit_" in name]


def test_without_its_layer_a_case_fails(system: Stack) -> None:
    """The audit tells it: exit status 1, the case, what came of it."""
    with configured(system, "security: {scanners: {enabled: false}}\n"):
        said = system.cli("audit", "--only", "tool-sipvicious", timeout=300)
    assert said.status == 1, said.out + said.err
    assert re.search(r"^tool-sipvicious +answered 200; silence was due$", said.out, re.MULTILINE)


def test_what_is_not_ours_is_left_alone(system: Stack) -> None:
    said = system.cli("audit", "--target", "192.0.2.7")
    assert said.status == 2
    assert "none of our networks" in said.err
    said = system.cli("audit", "--only", "no-such-case")
    assert (said.status, "no such family or case" in said.err) == (2, True)


def test_who_does_not_answer_is_not_attacked(system: Stack) -> None:
    """The media relay is on the edge network and no SIP server: its silence proves nothing."""
    neighbour = str(system.addresses.rtpengine_edge)
    said = system.cli("audit", "--target", neighbour, "--only", "scanners")
    assert said.status == 1
    assert "nothing was attacked" in said.err


def test_a_stranger_is_judged_by_its_answers(system: Stack) -> None:
    """Our own SBC, taken for one that is not: from an address that a phone may have had before."""
    system.forget_everybody()
    image = images.image_tag("tools", system.settings)
    families = [family for family in FAMILIES if family.name in {"scanners", "reach"}]
    card = RemoteAudit(
        system.engine,
        image,
        system.addresses.network("edge"),
        system.addresses.kamailio_edge,
        system.settings,
        print,
    ).run(families)
    assert card.passed, [(one.case.name, one.fault) for one in card.failed]
    assert card.answers_only
    tried = {one.family.name for one in card.results if not one.skipped}
    assert tried == {"scanners"}, "a scan is for systems of one's own"


def test_an_interrupted_audit_cleans_up(system: Stack) -> None:
    with subprocess.Popen(
        system.command("audit", "--only", "torture"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "rfc4475-" in line:
                break
        child.terminate()
        child.stderr.read()
        assert child.wait(60) == 130
    names = [one["username"] for one in system.api.subscribers()]
    assert not [name for name in names if name.startswith("audit-")]
