"""The worker against a real HTTP server that does what it wants."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import ssl
import time
from asyncio import StreamWriter
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.unit.telemetry.outbox import FakeOutbox, row
from tests.unit.telemetry.pushing import SECRET, first_then, users, worker
from tests.unit.telemetry.receiver import (
    Receiver,
    Request,
    drips,
    floods,
    hangs,
    says,
    status,
    until,
)

from ringwall import __version__
from ringwall.telemetry import push_courier
from ringwall.telemetry.push_client import MAX_ANSWER
from ringwall.telemetry.push_courier import Rules

pytestmark = pytest.mark.usefixtures("quick")


def test_a_push_is_signed_and_says_what_it_is() -> None:
    outbox = FakeOutbox([row(1)])
    with Receiver() as receiver, worker(outbox, receiver.url):
        until(lambda: outbox.states() == {1: "sent"})
    (request,) = receiver.requests
    headers, document = request.headers, outbox.rows[1].document
    assert request.head == "POST /registrations HTTP/1.1"
    assert request.body.decode() == document
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == f"Ringwall/{__version__}"
    assert headers["idempotency-key"] == outbox.rows[1].event_id
    stamp = headers["x-ringwall-timestamp"]
    assert abs(int(stamp) - time.time()) < 5
    digest = hmac.new(SECRET.encode(), f"{stamp}.{document}".encode(), hashlib.sha256)
    assert headers["x-ringwall-signature"] == f"v1={digest.hexdigest()}"


def test_a_new_event_is_there_within_a_second_without_being_told() -> None:
    outbox = FakeOutbox()
    with Receiver() as receiver, worker(outbox, receiver.url):
        until(lambda: outbox.reads > 2)
        start = time.monotonic()
        outbox.add(row(1))
        until(lambda: receiver.requests)
        assert receiver.requests[0].at - start < 1.0
    assert outbox.states() == {1: "sent"}


def test_a_wake_up_is_quicker_than_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_courier, "_POLL_SECONDS", 60.0)
    outbox = FakeOutbox()
    with Receiver() as receiver, worker(outbox, receiver.url) as pushes:
        until(lambda: outbox.reads)
        outbox.add(row(1))
        pushes.wake()
        until(lambda: receiver.requests, 2)


# What an application may do, and what is on record of it.
FAULTS = {
    "answers 500": (status("500 Oops"), "answers 500"),
    "answers 400": (status("400 Bad Request"), "answers 400"),
    "answers 401": (status("401 Unauthorized"), "answers 401"),
    "answers 410": (status("410 Gone"), "answers 410"),
    "answers 304": (status("304 Not Modified"), "answers 304"),
    "redirects": (
        status("302 Found", "Location: http://127.0.0.1:1/else"),
        "answers 302: redirects are not followed",
    ),
    "redirects with its method": (
        status("308 Permanent Redirect", "Location: /else"),
        "answers 308: redirects are not followed",
    ),
    "hangs": (hangs, "no answer within 0.5 s"),
    "drips": (drips, "no answer within 0.5 s"),
    "closes at once": (says(b""), "the connection broke: RemoteProtocolError"),
    "closes in the middle": (
        says(b"HTTP/1.1 200 OK\r\nContent-Le"),
        "the connection broke: RemoteProtocolError",
    ),
    "speaks no HTTP": (says(b"220 smtp\r\n"), "the connection broke: RemoteProtocolError"),
    "has an endless head": (
        says(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000),
        "the connection broke: RemoteProtocolError",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_is_no_2xx_is_sent_again_with_the_same_key(fault: str) -> None:
    behaviour, error = FAULTS[fault]
    outbox = FakeOutbox([row(1)])
    with Receiver(first_then(behaviour, times=2)) as receiver, worker(outbox, receiver.url) as it:
        until(lambda: outbox.states() == {1: "sent"})
        assert it.counters.failures == 2
        assert it.counters.last_error == error
        assert it.counters.sent == 1
    assert len(receiver.requests) == 3
    assert {request.headers["idempotency-key"] for request in receiver.requests} == {
        outbox.rows[1].event_id
    }
    assert {request.body.decode() for request in receiver.requests} == {outbox.rows[1].document}
    assert outbox.rows[1].attempts == 3


GOOD_ENOUGH = {
    "sends 10 MB": floods,
    "closes after the head": says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
    "hangs after the head": says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", False),
    "sends what is no gzip": says(
        b"HTTP/1.1 202 Accepted\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\noops"
    ),
}


@pytest.mark.parametrize("answer", GOOD_ENOUGH)
def test_a_status_2xx_is_a_delivery_whatever_follows_it(answer: str) -> None:
    outbox = FakeOutbox([row(1), row(2)])
    with (
        Receiver(first_then(GOOD_ENOUGH[answer])) as receiver,
        worker(outbox, receiver.url, timeout=3.0) as it,
    ):
        until(lambda: outbox.count("sent") == 2)
        assert it.counters.failures == 0
    assert [document["number"] for document in receiver.documents()] == [1, 2]


def test_of_a_long_answer_64_kilobytes_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    wrote = 0

    async def count(request: Request, writer: StreamWriter) -> None:
        nonlocal wrote
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            wrote += 65536

    outbox = FakeOutbox([row(1)])
    with Receiver(count) as receiver, worker(outbox, receiver.url, timeout=3.0):
        until(lambda: outbox.states() == {1: "sent"})
    # What is beyond stood in the buffers of two sockets.
    assert wrote < MAX_ANSWER + 16 * 1024 * 1024


def test_a_batch_is_an_array_and_has_a_key() -> None:
    outbox = FakeOutbox(users(7, events=10))
    rules = Rules(batch=20)
    with Receiver(first_then(status("500 Oops"))) as receiver, worker(outbox, receiver.url, rules):
        until(lambda: outbox.count("sent") == 70)
    assert all(isinstance(request.document, list) for request in receiver.requests)
    assert max(len(request.document) for request in receiver.requests) == 20
    assert len(receiver.requests) < 70
    assert all(
        re.fullmatch("[0-9a-f]{64}", r.headers["idempotency-key"]) for r in receiver.requests
    )
    # Those that failed together go alone, so that one bad event cannot hold up the others.
    failed = {document["number"] for document in receiver.requests[0].document}
    alone = [r.document for r in receiver.requests[1:] if r.document[0]["number"] in failed]
    assert all(len(batch) == 1 for batch in alone)


def test_wrong_documents_never_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    evil = status("500 \x1b[31mevil", "X: \x1b[31mevil")
    outbox = FakeOutbox([row(1)])
    with (
        caplog.at_level(logging.DEBUG),
        Receiver(first_then(evil)) as receiver,
        worker(outbox, receiver.url) as it,
    ):
        until(lambda: outbox.count("sent") == 1)
        assert "evil" not in json.dumps(it.counters.last_error)
    assert "evil" not in "".join(
        r.getMessage() for r in caplog.records if r.name.startswith("ringwall")
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ssl.SSLContext]:
    """A private CA's PEM, and a server's side of TLS with a certificate of it for 127.0.0.1."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Private CA")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return pem.decode(), context


def test_a_certificate_is_checked(authority: tuple[str, ssl.SSLContext]) -> None:
    pem, context = authority
    outbox = FakeOutbox([row(1)])
    with Receiver(tls=context) as receiver:
        with worker(outbox, receiver.url) as it:
            until(lambda: it.counters.failures)
            assert str(it.counters.last_error).startswith(
                "no connection: its certificate is not good (self-signed"
            )
        assert not receiver.requests
        with worker(outbox, receiver.url, ca=pem, timeout=3.0):
            until(lambda: outbox.count("sent") == 1)
        with worker(outbox, receiver.url.replace("127.0.0.1", "localhost"), ca=pem) as it:
            outbox.add(row(2))
            until(lambda: it.counters.failures)
            assert "ostname mismatch" in str(it.counters.last_error)
    assert len(receiver.requests) == 1


def test_a_name_that_nobody_knows() -> None:
    outbox = FakeOutbox([row(1)])
    with worker(outbox, "http://no-such-host.invalid/", timeout=3.0) as it:
        until(lambda: it.counters.failures)
        assert str(it.counters.last_error).startswith("no connection: ")
