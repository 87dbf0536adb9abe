from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import httpx
import pytest

from ringwall.cli.client import ApiClient, RowsRefused, base_url
from ringwall.config.model import Instance, Ports, Settings, Subnets
from ringwall.config.workspace import Workspace
from ringwall.errors import BadInput, NotRunning, RingwallError

TOKEN = "t" * 43


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.secrets.mkdir(parents=True)
    (made.secrets / "api_token").write_text(TOKEN)
    return made


def client(workspace: Workspace, answer: httpx.Response | Exception) -> ApiClient:
    def handle(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ApiClient(Settings(), workspace, httpx.MockTransport(handle))


def test_it_reaches_the_published_port_or_the_container() -> None:
    assert base_url(Settings(instance=Instance(ports=Ports(api=8181)))) == "http://127.0.0.1:8181"
    subnets = Subnets(mgmt=IPv4Network("10.77.2.0/24"))
    inner = Settings(instance=Instance(publish=False, subnets=subnets))
    assert base_url(inner) == "http://10.77.2.5:8080"


def test_requests(workspace: Workspace) -> None:
    seen: list[tuple[str, str, object]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        body = json.loads(request.content) if request.content else None
        seen.append((request.method, request.url.raw_path.decode(), body))
        return httpx.Response(200, json={})

    api = ApiClient(Settings(), workspace, httpx.MockTransport(handle))
    api.status()
    api.subscribers()
    api.add_subscriber("1001")
    api.add_subscriber("1001", "correct horse")
    api.set_password("a/b", "correct horse")
    api.remove_subscriber("a+b?c")
    api.import_subscribers([("x", None), ("y", "correct horse")])
    assert seen == [
        ("GET", "/api/v1/status", None),
        ("GET", "/api/v1/subscribers", None),
        ("POST", "/api/v1/subscribers", {"username": "1001"}),
        ("POST", "/api/v1/subscribers", {"username": "1001", "password": "correct horse"}),
        ("PUT", "/api/v1/subscribers/a%2Fb/password", {"password": "correct horse"}),
        ("DELETE", "/api/v1/subscribers/a%2Bb%3Fc", None),
        (
            "POST",
            "/api/v1/subscribers/import",
            [{"username": "x"}, {"username": "y", "password": "correct horse"}],
        ),
    ]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("timed out"),
        httpx.ReadError("reset by Docker's proxy"),
        httpx.RemoteProtocolError("closed"),
    ],
)
def test_nothing_there_is_not_running(workspace: Workspace, error: Exception) -> None:
    api = client(workspace, error)
    with pytest.raises(NotRunning, match=r"127\.0\.0\.1:8080") as caught:
        api.status()
    assert "./ringwall up" in (caught.value.remedy or "")


def test_a_system_that_was_never_started_is_not_running(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        ApiClient(Settings(), Workspace(tmp_path))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, 2), (404, 2), (409, 2), (413, 2), (422, 2), (500, 1), (503, 1), (401, 1)],
)
def test_refusals_have_an_exit_status(workspace: Workspace, status: int, kind: int) -> None:
    answer = httpx.Response(status, json={"error": "no", "remedy": "do this"})
    with pytest.raises(RingwallError) as caught:
        client(workspace, answer).status()
    assert caught.value.exit_status == kind
    if status != 401:
        assert (str(caught.value), caught.value.remedy) == ("no", "do this")


def test_faults_of_rows_are_kept(workspace: Workspace) -> None:
    body = {"error": "no", "remedy": None, "errors": [{"row": 2, "error": "exists"}]}
    with pytest.raises(RowsRefused) as caught:
        client(workspace, httpx.Response(422, json=body)).import_subscribers([("a", None)])
    assert caught.value.rows == {2: "exists"}
    assert isinstance(caught.value, BadInput)


def test_somebody_else_on_the_port_is_told(workspace: Workspace) -> None:
    with pytest.raises(RingwallError, match="without JSON") as caught:
        client(workspace, httpx.Response(200, text="<html>")).status()
    assert "instance.ports.api" in (caught.value.remedy or "")


def test_an_api_that_hangs_is_an_error(workspace: Workspace) -> None:
    with pytest.raises(RingwallError, match="does not answer GET /status") as caught:
        client(workspace, httpx.ReadTimeout("timed out")).status()
    assert caught.value.exit_status == 1


def test_calls(workspace: Workspace) -> None:
    seen: list[tuple[str, str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.raw_path.decode()))
        return httpx.Response(200, json={})

    api = ApiClient(Settings(), workspace, httpx.MockTransport(handle))
    api.cdrs({"since": "2030-05-17T08:00:00+02:00", "number": "4930*"})
    api.cdr("a/b@c?d#e%")
    api.calls()
    api.call("a b")
    api.hang_up("a/b")
    assert seen == [
        ("GET", "/api/v1/cdrs?since=2030-05-17T08%3A00%3A00%2B02%3A00&number=4930%2A"),
        ("GET", "/api/v1/cdrs/call/a%2Fb%40c%3Fd%23e%25"),
        ("GET", "/api/v1/calls"),
        ("GET", "/api/v1/calls/a%20b"),
        ("DELETE", "/api/v1/calls/a%2Fb"),
    ]


class _Chunks(httpx.SyncByteStream):
    """What arrives of an answer, before the connection breaks."""

    def __init__(self, *chunks: bytes, breaks: bool = False) -> None:
        self.chunks, self.breaks = chunks, breaks

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        if self.breaks:
            raise httpx.RemoteProtocolError("incomplete chunked read")


def test_an_export_comes_in_chunks(workspace: Workspace) -> None:
    api = client(workspace, httpx.Response(200, stream=_Chunks(b"a", b"b")))
    with api.export_cdrs({"format": "csv"}) as chunks:
        assert list(chunks) == [b"a", b"b"]


def test_an_export_that_breaks_off_is_not_whole(workspace: Workspace) -> None:
    api = client(workspace, httpx.Response(200, stream=_Chunks(b"a", breaks=True)))
    with (
        pytest.raises(RingwallError, match="broke off") as caught,
        api.export_cdrs({}) as chunks,
    ):
        list(chunks)
    assert caught.value.exit_status == 1


def test_an_export_that_is_refused(workspace: Workspace) -> None:
    answer = httpx.Response(422, json={"error": "since: no time", "remedy": None})
    with (
        pytest.raises(BadInput, match="since: no time"),
        client(workspace, answer).export_cdrs({"since": "x"}),
    ):
        pass


def test_an_export_of_nobody(workspace: Workspace) -> None:
    with (
        pytest.raises(NotRunning),
        client(workspace, httpx.ConnectError("refused")).export_cdrs({}),
    ):
        pass
