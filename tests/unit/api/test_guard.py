from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from ringwall.api import guard
from ringwall.security import tokens

from .conftest import TOKEN, Control

PATHS = [
    "/api/v1/status",
    "/api/v1/subscribers",
    "/api/v1/openapi.json",
    "/api/v1/nothing",
    "/",
    "/api/v1/health/",
    "//api/v1/health",
]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"]
)
def test_without_a_good_token_there_is_nothing(control: Control, header: str) -> None:
    for path in PATHS:
        answer = control.http.get(path, headers={"Authorization": header}, follow_redirects=False)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"] == "no valid token"


def test_a_stranger_learns_nothing_of_the_body(control: Control) -> None:
    answer = control.http.post(
        "/api/v1/subscribers", content=b"{", headers={"Authorization": "Bearer wrong"}
    )
    assert answer.status_code == 401


def test_health_is_open(control: Control) -> None:
    answer = control.http.get("/api/v1/health", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_token_that_was_taken_back_is_refused_at_once(control: Control) -> None:
    assert control.http.get("/api/v1/status").status_code == 200
    control.tokens.write_bytes(tokens.dump([]))
    assert control.http.get("/api/v1/status").status_code == 401
    control.tokens.unlink()
    answer = control.http.get("/api/v1/status")
    assert answer.status_code == 503
    assert "tokens.json" in answer.json()["error"]


def test_an_unknown_path_and_method_are_json(control: Control) -> None:
    missing = control.http.get("/api/v1/nothing")
    assert (missing.status_code, missing.json()["error"]) == (404, "Not Found")
    wrong = control.http.request("PATCH", "/api/v1/status")
    assert (wrong.status_code, wrong.json()["error"]) == (405, "Method Not Allowed")


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_a_limit(control: Control, chunked: bool) -> None:
    size = guard.MAX_BODY + 1024
    answer = control.http.post(
        "/api/v1/subscribers",
        content=chunks(size) if chunked else b" " * size,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 413
    assert str(guard.MAX_BODY) in answer.json()["error"]


def test_an_import_may_be_larger_but_not_without_end(control: Control) -> None:
    rows = [{"username": f"u{number}"} for number in range(5000)]
    assert control.http.post("/api/v1/subscribers/import", json=rows).status_code == 201
    answer = control.http.post(
        "/api/v1/subscribers/import",
        content=chunks(guard.MAX_IMPORT + 1024),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 413


def test_the_log_names_request_and_token_but_no_secret(
    control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ringwall"):
        control.http.get("/api/v1/subscribers?token=geheim")
        control.http.delete("/api/v1/subscribers/a%0Ab")
        control.http.post(
            "/api/v1/subscribers", json={"username": "1001", "password": "correct horse"}
        )
        control.http.get("/api/v1/health")
    lines = [line for line in caplog.messages if line.startswith(("GET", "POST", "DELETE"))]
    assert [line.split()[:3] for line in lines] == [
        ["GET", "/api/v1/subscribers", "200"],
        ["DELETE", "/api/v1/subscribers/a%0Ab", "404"],
        ["POST", "/api/v1/subscribers", "201"],
    ]
    assert all(line.endswith(" cli") for line in lines)
    for secret in ("geheim", "correct horse", TOKEN, "ami-secret"):
        assert secret not in caplog.text


def test_an_error_that_nobody_foresaw_is_json(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError("correct horse")

    monkeypatch.setattr(control.desk, "names", broken)
    answer = control.http.get("/api/v1/subscribers")
    assert answer.status_code == 500
    assert answer.json() == {"error": "internal error", "remedy": "see `docker logs control`"}
