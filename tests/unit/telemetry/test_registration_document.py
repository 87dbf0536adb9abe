from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from tests.unit.telemetry.outbox import FakeOutbox, row
from tests.unit.telemetry.receiver import until

from ringwall.telemetry.events import Registration, parse
from ringwall.telemetry.push_client import Target
from ringwall.telemetry.push_signature import is_signed, sign
from ringwall.telemetry.registration_document import (
    SCHEMA_FILE,
    RegistrationDocument,
    document_of,
    iso,
    json_schema,
)
from ringwall.telemetry.registrations import Registrations

DOCS = Path(__file__).parents[3] / "docs"
SECRET = "the-secret-as-it-stands-in-its-file_-0123456"


def event(**changed: object) -> Registration:
    told = {
        "v": 1, "kind": "registration", "sbc": "kamailio_sbc", "event": "register",
        "user": "MTAwMQ==", "domain": "sip.example.com", "contact": "c2lwOmE=", "received": "",
        "source": "203.0.113.9", "source_port": "1024", "transport": "udp",
        "user_agent": "G1siXA==", "expires": "NjAw", "call_id": "YzE=",
        "cseq": "2", "at": "1795399445678", "reason": "",
    }  # fmt: skip
    found = parse(json.dumps(told | changed).encode())
    assert isinstance(found, Registration)
    return found


def test_the_published_schema_is_what_the_code_says() -> None:
    assert (DOCS / SCHEMA_FILE).read_text(encoding="utf-8") == json_schema(), (
        "run: python -m ringwall.telemetry.registration_document docs"
    )


def test_the_document() -> None:
    document: dict[str, Any] = json.loads(document_of(event()))
    assert document == {
        "version": 1,
        "id": event().event_id,
        "event": "register",
        "at": "2026-11-23T02:04:05.678Z",
        "node": "kamailio_sbc",
        "user": "1001",
        "domain": "sip.example.com",
        "contact": "sip:a",
        "received": None,
        "source_address": "203.0.113.9",
        "source_port": 1024,
        "transport": "udp",
        "user_agent": '\x1b["\\',
        "expires": 600,
        "call_id": "c1",
        "cseq": 2,
        "reason": None,
    }
    schema = json.loads(json_schema())
    assert set(schema["required"]) | {"version"} == set(document) == set(schema["properties"])


def test_what_is_not_known_is_null() -> None:
    gone = event(event="expire", source="", source_port="", transport="", user_agent="", expires="")
    document = json.loads(document_of(gone))
    unknown = ("source_address", "source_port", "transport", "user_agent", "expires")
    assert [document[name] for name in unknown] == [None] * 5


def test_the_model_reads_what_it_wrote_and_refuses_other_ids() -> None:
    text = document_of(event())
    assert RegistrationDocument.model_validate_json(text).model_dump_json() == text
    with pytest.raises(ValidationError):
        RegistrationDocument.model_validate({**json.loads(text), "id": "1"})


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (4102444799999, "2099-12-31T23:59:59.999Z")],
)
def test_times(milliseconds: int, text: str) -> None:
    assert iso(milliseconds) == text


def test_a_signature_is_of_this_time_this_body_and_this_secret() -> None:
    good = sign(SECRET, 1795399445, b"body")
    assert good == "v1=" + good[3:].lower()
    assert is_signed(SECRET, "1795399445", b"body", good)
    for secret, stamp, body, signature in (
        ("other", "1795399445", b"body", good),
        (SECRET, "1795399446", b"body", good),
        (SECRET, "1795399445", b"body ", good),
        (SECRET, "1795399445", b"body", good[3:]),
        (SECRET, "x", b"body", good),
        (SECRET, "", b"body", ""),
    ):
        assert not is_signed(secret, stamp, body, signature)


@contextmanager
def documented_receiver() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the receiver exactly as the page prints it."""
    page = (DOCS / "registrations.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "SECRET": SECRET, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            until(lambda: _listens(port))
            yield f"http://127.0.0.1:{port}/registrations", process
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_receiver_of_the_documentation_takes_what_is_ours() -> None:
    outbox = FakeOutbox([row(1), row(2, "1002")])
    with documented_receiver() as (url, process):
        worker = Registrations(outbox, Target(url, SECRET))
        worker.start()
        until(lambda: outbox.count("sent") == 2)
        worker.stop()
        assert process.stdout
        lines = {process.stdout.readline().strip() for _ in range(2)}
    assert lines == {each.document for each in outbox.rows.values()}


def test_the_receiver_of_the_documentation_refuses_what_is_not_ours() -> None:
    def status(stamp: int, body: bytes, signature: str) -> int:
        headers = {"X-Ringwall-Timestamp": str(stamp), "X-Ringwall-Signature": signature}
        with httpx.Client(trust_env=False) as client:
            return client.post(url, content=body, headers=headers).status_code

    with documented_receiver() as (url, _process):
        now = int(time.time())
        assert status(now, b"{}", sign(SECRET, now, b"{}")) == 204
        assert status(now, b"{ }", sign(SECRET, now, b"{}")) == 401
        assert status(now, b"{}", sign("another", now, b"{}")) == 401
        assert status(now - 301, b"{}", sign(SECRET, now - 301, b"{}")) == 401
        assert status(now, b"{}", "") == 401
