from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from ringwall.telemetry import dialogs
from ringwall.telemetry.dialogs import Dialog
from ringwall.telemetry.kamailio_rpc import KamailioAway, KamailioRpc, RpcRefused

ENTRY: dict[str, Any] = {
    "h_entry": 477, "h_id": 4805, "call-id": "d335b7c4ce992844", "state": 4,
    "start_ts": 1795399530, "init_ts": 1795399529, "end_ts": 0,
    "caller": {"tag": "ea68f4eb2f08fd6f", "cseq": "64140", "route_set": ""},
    "callee": {"tag": "481cf637"}, "profiles": [{"user": "438026"}],
    "variables": [{"caller": "new"}, {"node": "asterisk_2"}, {"caller": "old"}],
}  # fmt: skip


class Kamailio:
    """Answers what it is told to, by method: a result, or the code of an error."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.replace("_", ".", 1): answer for name, answer in answers.items()}
        self.asked: list[list[Any]] = []
        self.rpc = KamailioRpc("http://kamailio/RPC", transport=httpx.MockTransport(self.handle))

    def handle(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.asked.append([body["method"], *body["params"]])
        answer = self.answers.get(body["method"])
        if isinstance(answer, int):
            return httpx.Response(answer, json={"error": {"code": answer, "message": "no"}})
        return httpx.Response(200, json={"result": answer})


def test_a_dialog() -> None:
    kamailio = Kamailio(dlg_list=[ENTRY])
    variables = {"caller": "new", "node": "asterisk_2"}
    (found,) = dialogs.listed(kamailio.rpc)
    assert found == Dialog(
        477, 4805, "d335b7c4ce992844", "ea68f4eb2f08fd6f", 4, 1795399529, 1795399530, "64140",
        variables,
    )  # fmt: skip
    assert found.is_answered
    assert found.correlation == "d335b7c4ce992844"


@pytest.mark.parametrize("answer", [None, {}, [], [{}], "nonsense", [3]])
def test_no_dialogs(answer: object) -> None:
    assert dialogs.listed(Kamailio(dlg_list=answer).rpc) == []


def test_one_that_is_not_in_a_list() -> None:
    assert len(dialogs.listed(Kamailio(dlg_list=ENTRY).rpc)) == 1


def test_odd_answers_are_survived() -> None:
    odd = {"call-id": 5, "state": "x", "caller": [], "variables": [["a"], {"n": 7}, 3]}
    assert dialogs.listed(Kamailio(dlg_list=[odd]).rpc) == [
        Dialog(0, 0, "5", "", 0, variables={"n": "7"})
    ]


def test_questions() -> None:
    kamailio = Kamailio(dlg_list_match=[ENTRY])
    assert len(dialogs.ringing(kamailio.rpc)) == 1
    dialogs.answered_after(kamailio.rpc, 12)
    dialogs.of_call_id(kamailio.rpc, "123")
    assert kamailio.asked == [
        ["dlg.list_match", "start_ts", "lt", "1", 60],
        ["dlg.list_match", "start_ts", "gt", "12", 60],
        ["dlg.list_match", "callid", "eq", "123", 60],
    ]


def test_none_that_fits_is_no_error() -> None:
    assert dialogs.ringing(Kamailio(dlg_list_match=404).rpc) == []
    with pytest.raises(RpcRefused):
        dialogs.ringing(Kamailio(dlg_list_match=500).rpc)


def test_count() -> None:
    assert dialogs.count(Kamailio(dlg_stats_active={"all": 7}).rpc) == 7
    assert dialogs.count(Kamailio().rpc) == 0


@pytest.mark.parametrize(
    ("state", "order"),
    [
        (4, ["dlg.end_dlg", 1, 2]),
        (3, ["dlg.end_dlg", 1, 2]),
        (2, ["tm.cancel", "a", "9"]),
        (1, ["tm.cancel", "a", "9"]),
    ],
)
def test_end(state: int, order: list[object]) -> None:
    # A Kamailio without the table `hangups` ends calls too.
    kamailio = Kamailio(htable_sets=500)
    dialogs.end(kamailio.rpc, Dialog(1, 2, "a", "t", state, cseq="9"))
    assert kamailio.asked == [["htable.sets", "hangups", "a", "sbc"], order]


@pytest.mark.parametrize("code", [400, 404])
def test_what_is_gone_needs_no_end(code: int) -> None:
    dialogs.end(Kamailio(dlg_end_dlg=code).rpc, Dialog(1, 2, "a", "t", 4))
    dialogs.end(Kamailio(tm_cancel=code).rpc, Dialog(1, 2, "a", "t", 2))


def test_an_end_that_fails_is_told() -> None:
    with pytest.raises(RpcRefused):
        dialogs.end(Kamailio(dlg_end_dlg=500).rpc, Dialog(1, 2, "a", "t", 4))


def test_an_answer_that_is_cut_off() -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("peer closed connection")

    rpc = KamailioRpc("http://kamailio/RPC", transport=httpx.MockTransport(handle))
    with pytest.raises(KamailioAway):
        dialogs.listed(rpc)
