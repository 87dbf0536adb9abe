"""What Kamailio's table holds of a list, and who is on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ringwall.errors import BadInput
from ringwall.store.block_book import Book, Entry, read_target

NOW = datetime(2030, 5, 17, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)


def entry(target: str, allowed: bool = False, until: datetime | None = None) -> Entry:
    return Entry(read_target(target), allowed, until=until)


def found(keys: dict[str, int], address: str) -> list[int]:
    """Look an address up the way that routes/blocklist.cfg does."""
    a, b, c, d = map(int, address.split("."))
    bits, lengths, rest = (a << 24) + (b << 16) + (c << 8) + d, keys.get(f"{a}.{b}", 0), 1
    values = [keys.get(address, 0)]
    while lengths:
        if lengths & 1:
            values.append(keys.get(str((1 << (32 - rest)) + (bits >> rest)), 0))
        lengths, rest = lengths >> 1, rest + 1
    return [value for value in values if value]


@pytest.mark.parametrize(
    ("target", "inside", "outside"),
    [
        ("198.51.100.7", "198.51.100.7", "198.51.100.8"),
        ("198.51.100.0/24", "198.51.100.255", "198.51.101.0"),
        ("198.51.100.6/31", "198.51.100.7", "198.51.100.8"),
        ("198.51.96.0/21", "198.51.103.255", "198.51.104.0"),
        ("198.48.0.0/13", "198.55.255.255", "198.56.0.0"),
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
    ],
)
def test_kamailio_finds_who_is_inside(target: str, inside: str, outside: str) -> None:
    keys = Book([entry(target)]).keys()
    assert found(keys, inside) == [1]
    assert found(keys, outside) == []


def test_all_entries_around_an_address_are_found() -> None:
    book = Book([entry("198.51.0.0/16"), entry("198.51.100.0/24", True), entry("198.51.100.7")])
    assert found(book.keys(), "198.51.100.7") == [1, -1, 1]
    assert [one.target for one in book.covering("198.51.100.7")] == [
        "198.51.100.7", "198.51.100.0/24", "198.51.0.0/16",
    ]  # fmt: skip
    assert book.allows("198.51.100.7", NOW)
    assert not book.allows("198.51.101.7", NOW)


def test_an_end_is_a_second() -> None:
    second = int(SOON.timestamp())
    book = Book([entry("198.51.100.7", until=SOON), entry("192.0.2.1", True, SOON)])
    assert found(book.keys(), "198.51.100.7") == [second]
    assert found(book.keys(), "192.0.2.1") == [-second]
    assert book.allows("192.0.2.1", NOW)
    assert not book.allows("192.0.2.1", SOON)
    assert book.next_end() == SOON


def test_a_change_says_what_is_to_be_told() -> None:
    before = Book([entry("198.51.100.7")])
    after, keys = before.changed([entry("198.51.100.0/24")], [read_target("198.51.100.7")])
    network = str((1 << 24) + (198 << 16) + (51 << 8) + 100)
    assert keys == {"198.51.100.7": None, network: 1, "198.51": 1 << 7}
    assert before.keys() == {"198.51.100.7": 1}
    assert after.keys() == {network: 1, "198.51": 1 << 7}
    same, keys = after.changed([entry("198.51.100.0/24", True)], [])
    assert (keys, len(same.entries)) == ({network: -1}, 1)


def test_ipv6_is_for_the_kernel_alone() -> None:
    book = Book([entry("2001:db8::/32"), entry("2001:db8::7", True)])
    assert book.keys() == {}
    assert book.allows("2001:db8::7", NOW)
    assert [one.target for one in book.covering("2001:db8::8")] == ["2001:db8::/32"]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("198.51.100.7/24", "write 198.51.100.0/24"),
        ("10.0.0.0/7", "/8"),
        ("::/0", "/16"),
        ("example.com", "198.51.100.7"),
        ("", "198.51.100.7"),
        ("198.51.100.7; drop", "198.51.100.7"),
    ],
)
def test_what_is_no_target_is_told_with_a_remedy(text: str, remedy: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_target(text)
    assert remedy in (caught.value.remedy or "")
