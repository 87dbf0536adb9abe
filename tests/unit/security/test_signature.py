from __future__ import annotations

import ast
import hashlib
import hmac
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringwall.security import signature
from ringwall.security.signature import HEADER, Request, sign, verify

PAGE = (Path(__file__).parents[3] / "docs" / "security" / "signature.md").read_text()
NOW = 1_790_000_000
KEY = "correct horse battery staple"
INVITE = Request("INVITE", "600", "1001", "a84b4c76e66710@pc33.example.com")

words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
requests = st.builds(Request, words.filter(bool), words, words, words.filter(bool))
keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=16, max_size=128)
nonces = st.from_regex(r"[A-Za-z0-9_-]{16,64}", fullmatch=True)


def test_the_vector_of_the_page() -> None:
    found = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|$", PAGE, re.MULTILINE))
    request = Request(found["method"], found["uri_user"], found["from_user"], found["call_id"])
    made = sign(request, found["kid"], found["key"], int(found["ts"]), found["nonce"])
    assert f"\n{HEADER}: {made}\n" in PAGE
    assert verify(made, request, {found["kid"]: found["key"]}, int(found["ts"])) is None


def test_the_ten_lines_of_the_page_make_good_signatures() -> None:
    program = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert program
    names: dict[str, object] = {}
    exec(program[1], names)  # noqa: S102 - it is ours
    made = names["sign"]("k7", KEY, "REGISTER", "", "1001", "id")  # type: ignore[operator]
    assert verify(made, Request("REGISTER", "", "1001", "id"), {"k7": KEY}) is None


@given(requests, keys, nonces, st.integers(10**9, 10**10 - 1))
def test_what_is_signed_is_the_hmac_of_six_lines(
    request_: Request, key: str, nonce: str, moment: int
) -> None:
    parts = [request_.method, request_.uri_user, request_.from_user, request_.call_id]
    text = "\n".join([*parts, str(moment), nonce]).encode()
    expected = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
    made = sign(request_, "k1", key, moment, nonce)
    assert made == f"v1;kid=k1;ts={moment};nonce={nonce};sig={expected}"
    assert verify(made, request_, {"k1": key}, moment) is None


@given(requests, requests, keys, keys)
def test_it_is_good_for_one_request_and_key(
    one: Request, other: Request, key: str, another: str
) -> None:
    made = sign(one, "k1", key, NOW)
    assert (verify(made, other, {"k1": key}, NOW) is None) == (one == other)
    assert (verify(made, one, {"k1": another}, NOW) is None) == (key == another)


@given(st.data())
def test_one_changed_character_is_refused(data: st.DataObject) -> None:
    made = sign(INVITE, "k1", KEY, NOW)
    place = data.draw(st.integers(0, len(made) - 1))
    other = data.draw(st.characters().filter(lambda c: c != made[place]))
    changed = made[:place] + other + made[place + 1 :]
    assert verify(changed, INVITE, {"k1": KEY}, NOW) == "invalid"


@given(st.text())
def test_text_of_strangers_is_invalid(text: str) -> None:
    assert verify(text, INVITE, {"k1": KEY}) == "invalid"


@pytest.mark.parametrize(
    ("off", "flaw"), [(0, None), (60, None), (-60, None), (61, "stale"), (-61, "stale")]
)
def test_the_window(off: int, flaw: str | None) -> None:
    assert verify(sign(INVITE, "k1", KEY, NOW + off), INVITE, {"k1": KEY}, NOW) == flaw


def test_a_retired_key_is_refused() -> None:
    made = sign(INVITE, "k1", KEY)
    assert verify(made, INVITE, {"k1": KEY, "k2": "another key"}) is None
    assert verify(made, INVITE, {"k2": KEY}) == "invalid"


def test_each_signature_has_a_nonce_of_its_own() -> None:
    assert sign(INVITE, "k1", KEY, NOW) != sign(INVITE, "k1", KEY, NOW)


@pytest.mark.parametrize(
    "bad",
    [{"kid": "first"}, {"kid": "k0"}, {"timestamp": 17}, {"nonce": "short"}, {"nonce": "x;" * 9}],
)
def test_what_would_be_no_header_is_not_made(bad: dict[str, object]) -> None:
    given_: dict[str, object] = {"kid": "k1", "key": KEY, **bad}
    with pytest.raises(ValueError, match="not of the form"):
        sign(INVITE, **given_)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["a b", "a\nb", "\0", "ü"])
def test_fields_hold_what_a_request_can(bad: str) -> None:
    with pytest.raises(ValueError, match="from_user"):
        Request("INVITE", "600", bad, "id")


def test_it_can_be_copied_into_any_program() -> None:
    tree = ast.parse(Path(signature.__file__).read_text())
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
