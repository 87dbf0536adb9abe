from __future__ import annotations

import pytest

from ringwall.security import accounts


def test_digests_of_the_user_in_rfc_7616() -> None:
    # Section 3.9.1; the values are those of `openssl dgst`.
    found = accounts.digests("Mufasa", "http-auth@example.org", "Circle of Life")
    assert found.md5 == "3d78807defe7de2157e2b0b6573a855f"
    assert found.sha256 == "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"


@pytest.mark.parametrize("name", ["1001", "alice", "a.b-c_d+e", "A", "x" * 32, "7", "6000", "70"])
def test_good_usernames(name: str) -> None:
    assert accounts.username_fault(name, ["603"]) is None


@pytest.mark.parametrize(
    "name",
    ["", ".a", "-a", "a b", "a\n", "1001\n", "a@b", "ä", "x" * 33, "a;b", "a:b", "a'b", "١٠٠١"],
)
def test_bad_usernames(name: str) -> None:
    fault = accounts.username_fault(name)
    assert fault is not None
    assert "letters" in fault


@pytest.mark.parametrize("name", ["600", "601", "602", "700", "7001001", "603"])
def test_numbers_of_the_dialplan_are_no_usernames(name: str) -> None:
    fault = accounts.username_fault(name, ["603"])
    assert fault is not None
    assert "dialplan" in fault


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("short77", "8 to 128"),
        ("x" * 129, "8 to 128"),
        ("with\ttab!", "printable"),
        ("with\x00nul!", "printable"),
        ("Username", "is the username"),
    ],
)
def test_bad_passwords(password: str, fault: str) -> None:
    assert fault in (accounts.password_fault("username", password) or "")


def test_a_password_may_hold_spaces_and_any_script() -> None:
    assert accounts.password_fault("alice", "grüße, 世界 :;'\"") is None


def test_generated_passwords_are_good_different_and_unambiguous() -> None:
    made = {accounts.generate_password() for _ in range(100)}
    assert len(made) == 100
    assert {len(password) for password in made} == {20}
    assert not set("".join(made)) & set("0Oo1lI")


def test_only_numbers_have_mailboxes() -> None:
    assert accounts.has_mailbox("1001")
    assert not accounts.has_mailbox("alice")
    assert not accounts.has_mailbox("100a")
    pin = accounts.generate_pin()
    assert len(pin) == 6
    assert pin.isdigit()
