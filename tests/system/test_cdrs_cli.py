"""Calls on record from the command line: 200,000 of them, in memory that does not grow."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.test_subscribers import sql

from ringwall.checks.phone import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.stack import Stack

ROWS = 200_000
LEGS = 1000
"""So many of the first calls have legs."""
NODE = "cdrs_cli"
MB = 1024
BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=10)

# Call n began n seconds after BEGIN; 10n % 100 called 49301n % 1000.
_CALLS = f"""
INSERT INTO cdrs (correlation_id, sbc_node, caller, dialled, number, source_address, source_port,
    transport, pbx_node, invited_at, answered_at, ended_at, ring_ms, duration_ms, result, sip_code,
    reason, hangup_by, codec, srtp, mos_average, masked, updated_at)
SELECT CONCAT('{NODE}-', seq, '@10.0.0.1'), 'kamailio_sbc', CONCAT('cli', seq % 100),
    CONCAT('49301', seq % 1000), CONCAT('49301', seq % 1000), '10.5.1.50', 5060, 'udp', '{NODE}',
    '{BEGIN:%F %T}' + INTERVAL seq SECOND, '{BEGIN:%F %T}' + INTERVAL seq + 2 SECOND,
    '{BEGIN:%F %T}' + INTERVAL seq + 10 SECOND, 0, 8000,
    ELT(1 + seq % 5, 'answered', 'busy', 'cancelled', 'failed', 'refused'), 200, '', 'caller',
    'PCMU', 0, 4.3, 0, UTC_TIMESTAMP(3) FROM seq_0_to_{ROWS - 1}
"""  # noqa: S608
_LEGS = f"""
INSERT INTO cdr_legs (correlation_id, call_id, from_tag, to_tag, sbc_node, direction, caller,
    callee, dialled, source_address, source_port, transport, target, pbx_node, invited_at,
    ended_at, sip_code, reason, hangup_by, profile, codec, srtp, masked, updated_at)
SELECT CONCAT('{NODE}-', seq, '@10.0.0.1'), CONCAT('{NODE}-', seq, leg), 'from', 'to',
    'kamailio_sbc', IF(leg = '-b', 'to-user', 'from-user'), CONCAT('cli', seq % 100),
    IF(leg = '-b', CONCAT('rang', seq % 10), ''), CONCAT('49301', seq % 1000), '10.5.1.50', 5060,
    'udp', '', '{NODE}', '{BEGIN:%F %T}' + INTERVAL seq SECOND,
    '{BEGIN:%F %T}' + INTERVAL seq + 10 SECOND, 200, '', 'caller', 'RTP/AVP', 'PCMU', 0, 0,
    UTC_TIMESTAMP(3)
FROM seq_0_to_{LEGS - 1}, (SELECT '@10.0.0.1' AS leg UNION SELECT '-b') AS legs
"""  # noqa: S608
_REMOVE = ";".join(
    f"DELETE FROM {table} WHERE pbx_node = '{NODE}'"  # noqa: S608
    for table in ("cdrs", "cdr_legs")
)


@pytest.fixture(scope="module")
def calls(instance: Stack) -> Iterator[None]:
    sql(instance, f"{_REMOVE}; {_CALLS}; {_LEGS}; ANALYZE TABLE cdrs, cdr_legs")
    yield
    sql(instance, _REMOVE)


def at(seconds: int) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat()


def call_id(number: int) -> str:
    return f"{NODE}-{number}@10.0.0.1"


def listed(system: Stack, *options: str) -> list[dict[str, Any]]:
    said = system.cli("cdrs", "list", "--json", "--node", NODE, *options)
    assert said.status == 0, said.err
    found: list[dict[str, Any]] = json.loads(said.out)
    return found


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--since", at(100), "--until", at(110)], range(100, 110)),
        (["--user", "cli7", "--until", at(400)], range(7, 400, 100)),
        (["--user", "rang3", "--until", at(50)], range(3, 50, 10)),
        (["--user", "493015", "--until", at(3000)], range(5, 3000, 1000)),
        (["--user", "nobody"], []),
        (["--number", "493015", "--until", at(3000)], range(5, 3000, 1000)),
        (["--number", "4930199*", "--until", at(1000)], [99, *range(990, 1000)]),
        (["--number", "4930_99*"], []),
        (["--result", "busy", "--until", at(20)], range(1, 20, 5)),
        (["--user", "cli1", "--number", "493011*", "--result", "busy", "--until", at(200)],
         [1, 101]),
        (["--since", "1h"], []),
    ],
)  # fmt: skip
def test_filters(system: Stack, tmp_path: Path, options: list[str], expected: Any) -> None:
    wanted = [call_id(number) for number in expected]
    assert [each["correlation_id"] for each in listed(system, *options)] == wanted[::-1]
    out = tmp_path / "out"
    filters = ["--node", NODE, *options]
    said = system.cli("cdrs", "export", "--format", "jsonl", "--out", str(out), *filters)
    assert said.status == 0, said.err
    assert [json.loads(line)["correlation_id"] for line in out.read_text().splitlines()] == wanted


@pytest.mark.usefixtures("calls")
def test_list_and_show(system: Stack) -> None:
    said = system.cli("cdrs", "list", "--node", NODE, "--limit", "2", "--until", at(6))
    assert [line.split()[2:] for line in said.out.splitlines()[1:]] == [
        ["cli5", "493015", "answered", "200", "0:08", NODE, "caller", "4.3"],
        ["cli4", "493014", "refused", "200", "0:08", NODE, "caller", "4.3"],
    ]
    for name in (call_id(5), f"{NODE}-5-b"):
        found = json.loads(system.cli("cdrs", "show", name, "--json").out)
        assert found["correlation_id"] == call_id(5)
        assert found["call_ids"] == [call_id(5), f"{NODE}-5-b"]
        assert [leg["direction"] for leg in found["legs"]] == ["from-user", "to-user"]
    assert "Leg 2" in system.cli("cdrs", "show", call_id(5)).out


@pytest.mark.parametrize("options", [["show", "no-such-call"], ["list", "--since", "yesterday"]])
def test_what_cannot_be(system: Stack, options: list[str]) -> None:
    said = system.cli("cdrs", *options)
    assert said.status == 2
    assert said.out == ""
    assert "Remedy: " in said.err


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_of_everything_in_constant_memory(
    system: Stack, tmp_path: Path, form: str
) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    few, _ = export(system, small, form, "--until", at(20_000))
    with highest(system) as server:
        most, seconds = export(system, large, form)
    assert most - few < 16 * MB, f"the command line grew from {few} to {most} KiB"
    assert server[-1] - server[0] < 32 * MB, f"control grew: {server} KiB"
    with large.open(newline="") as file:
        rows = csv.DictReader(file) if form == "csv" else map(json.loads, file)
        assert [row["correlation_id"] for row in rows] == [call_id(n) for n in range(ROWS)]
    print(f"{form}: {ROWS / seconds:.0f} calls/s, +{most - few} KiB, +{server[-1] - server[0]} KiB")


@pytest.mark.usefixtures("calls")
def test_no_cell_of_csv_is_a_formula(system: Stack) -> None:
    change = f"UPDATE cdrs SET caller = '%s' WHERE correlation_id = '{call_id(9)}'"  # noqa: S608
    only = ["--node", NODE, "--since", at(9), "--until", at(10)]
    sql(system, change % "=1+1")
    try:
        text = system.cli("cdrs", "export", *only).out
        lines = system.cli("cdrs", "export", *only, "--format", "jsonl").out
    finally:
        sql(system, change % "cli9")
    assert next(csv.DictReader(text.splitlines()))["caller"] == "'=1+1"
    assert json.loads(lines)["caller"] == "=1+1"


@pytest.mark.usefixtures("calls")
def test_an_export_that_breaks_off_leaves_no_file(system: Stack, tmp_path: Path) -> None:
    command = system.command("cdrs", "export", "--node", NODE, "--out", str(tmp_path / "out"))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        part = tmp_path / ".out.new"
        wait_until(lambda: part.exists() and part.stat().st_size > 0, 20, "the export to begin")
        try:
            system.engine.docker("kill", system.container("control"))
            _, said = process.communicate(timeout=60)
        finally:
            system.engine.docker("start", system.container("control"))
    system.wait_well()
    assert process.returncode == 1
    assert "broke off" in said
    assert list(tmp_path.iterdir()) == []


def export(system: Stack, out: Path, form: str, *options: str) -> tuple[int, float]:
    """Run an export; return the highest memory of the command (KiB), and its seconds."""
    command = ["cdrs", "export", "--format", form, "--node", NODE, "--out", str(out), *options]
    begun = datetime.now(UTC)
    process = subprocess.Popen(system.command(*command))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss, (datetime.now(UTC) - begun).total_seconds()


@contextmanager
def highest(system: Stack) -> Iterator[list[int]]:
    """Measure control: the memory (KiB) at the beginning, at the end the highest in between."""
    seen = [memory(system)]
    done = threading.Event()

    def watch() -> None:
        peak = seen[0]
        while not done.wait(0.5):
            peak = max(peak, memory(system))
        seen.append(peak)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join(10)


def memory(system: Stack) -> int:
    top = system.engine.docker("top", system.container("control"), "-o", "pid,rss,args")
    return max(int(line.split()[1]) for line in top.splitlines()[1:])
