from __future__ import annotations

import json
import socket

import httpx
import pytest

from ringwall.telemetry.kamailio_rpc import KamailioAway, KamailioRpc, RpcRefused


def client(answer: httpx.Response | Exception) -> tuple[KamailioRpc, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    rpc = KamailioRpc("http://10.5.0.2:9090/RPC", transport=httpx.MockTransport(handle))
    return rpc, seen


def test_a_call_is_json_rpc_with_positional_parameters() -> None:
    rpc, seen = client(httpx.Response(200, json={"jsonrpc": "2.0", "result": {}, "id": 1}))
    assert rpc.call("ul.rm", "location", "1001@sip.example.com") == {}
    assert str(seen[0].url) == "http://10.5.0.2:9090/RPC"
    assert json.loads(seen[0].content) == {
        "jsonrpc": "2.0",
        "method": "ul.rm",
        "params": ["location", "1001@sip.example.com"],
        "id": 1,
    }
    rpc.close()


def test_an_error_is_told_with_kamailios_words() -> None:
    body = {"jsonrpc": "2.0", "error": {"code": 500, "message": "Method Not Found"}, "id": 1}
    rpc, _ = client(httpx.Response(500, json=body))
    with pytest.raises(RpcRefused, match="refused nosuch: 500 Method Not Found") as caught:
        rpc.call("nosuch")
    assert caught.value.code == 500


@pytest.mark.parametrize(
    "answer", [httpx.Response(404, text="no"), httpx.Response(200, json=[1]), httpx.Response(200)]
)
def test_an_answer_that_is_no_json_rpc_is_a_refusal(answer: httpx.Response) -> None:
    rpc, _ = client(answer)
    with pytest.raises(RpcRefused, match="no JSON"):
        rpc.call("core.uptime")


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("timed out"),
        httpx.RemoteProtocolError("peer closed connection"),
    ],
)
def test_silence_means_away(error: Exception) -> None:
    rpc, _ = client(error)
    with pytest.raises(KamailioAway, match=r"does not answer core\.uptime"):
        rpc.call("core.uptime")


def test_a_kamailio_that_hangs_is_away_after_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        rpc = KamailioRpc(f"http://127.0.0.1:{server.getsockname()[1]}/RPC", timeout=0.1)
        with pytest.raises(KamailioAway, match="timed out"):
            rpc.call("core.uptime")
        rpc.close()


def test_bytes_that_a_stranger_sent_do_not_spoil_the_answer() -> None:
    body = b'{"jsonrpc":"2.0","result":{"from_uri":"sip:\xff\x01@x"},"id":1}'
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=body))
    rpc = KamailioRpc("http://kamailio/RPC", transport=transport)
    assert rpc.call("dlg.list") == {"from_uri": "sip:\N{REPLACEMENT CHARACTER}\x01@x"}
