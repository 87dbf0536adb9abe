"""What the guard has nftables do, and who may ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from threading import Thread

import httpx
import pytest

from ringwall.guard.kernel import Address, Kernel, KernelError
from ringwall.guard.server import serve

STRANGER = "198.51.100.7"


@dataclass
class Nft:
    """Remembers the scripts; lists one ban."""

    scripts: list[str] = field(default_factory=list)
    broken: bool = False

    def __call__(self, script: str, *options: str) -> str:
        if self.broken:
            raise KernelError("no such table")
        if not options:
            self.scripts.append(script)
            return ""
        element = {
            "val": STRANGER, "timeout": 60, "expires": 59, "comment": "flood",
            "counter": {"packets": 3, "bytes": 99},
        }  # fmt: skip
        found = [{"elem": element}] if "banned4" in script else []
        return json.dumps({"nftables": [{"metainfo": {}}, {"set": {"elem": found}}]})


@dataclass
class Site:
    nft: Nft
    client: httpx.Client
    forgotten: list[Address]


def _site(control: str) -> Iterator[Site]:
    nft, forgotten = Nft(), list[Address]()
    kernel = Kernel([ip_network("10.5.0.0/24")], nft)
    server = serve(("127.0.0.1", 0), control, kernel, forgotten.append)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with httpx.Client(base_url=url, trust_env=False) as client:
        yield Site(nft, client, forgotten)
    server.shutdown()
    server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    yield from _site("127.0.0.1")


@pytest.fixture
def foreign() -> Iterator[Site]:
    yield from _site("10.5.0.5")


def test_bans_are_listed(site: Site) -> None:
    assert site.client.get("/bans").json() == {
        "bans": [{"address": STRANGER, "seconds": 59, "made_by": "flood", "packets": 3}]
    }


def test_a_ban_replaces_an_older_one(site: Site) -> None:
    assert site.client.put(f"/bans/{STRANGER}?seconds=60&by=flood").status_code == 200
    assert site.nft.scripts[0].splitlines() == [
        f"add element inet ringwall banned4 {{ {STRANGER} }}",
        f"delete element inet ringwall banned4 {{ {STRANGER} }}",
        f'add element inet ringwall banned4 {{ {STRANGER} timeout 60s comment "flood" }}',
    ]


def test_a_lifted_ban_is_forgotten_by_fail2ban_too(site: Site) -> None:
    assert site.client.delete("/bans/2001:db8::7").status_code == 200
    assert "delete element inet ringwall banned6 { 2001:db8::7 }" in site.nft.scripts[0]
    assert [str(one) for one in site.forgotten] == ["2001:db8::7"]


def test_lists_of_blocks_and_exceptions_replace_the_last_ones(site: Site) -> None:
    assert site.client.get("/blocks").json() == {"version": ""}
    lists = {
        "blocked": ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"],
        "allowed": ["198.51.100.8"],
        "version": "abc",
    }
    assert site.client.put("/blocks", json=lists).json() == {"version": "abc"}
    assert site.nft.scripts[0].splitlines() == [
        "flush set inet ringwall blocked4",
        "add element inet ringwall blocked4 { 192.0.2.0/24, 198.51.100.7 }",
        "flush set inet ringwall blocked6",
        "add element inet ringwall blocked6 { 2001:db8::/32 }",
        "flush set inet ringwall allowed4",
        # Our own networks are let through, whatever a list says.
        "add element inet ringwall allowed4 { 198.51.100.8, 10.5.0.0/24 }",
        "flush set inet ringwall allowed6",
    ]
    assert site.client.get("/blocks").json() == {"version": "abc"}


@pytest.mark.parametrize(
    "lists",
    [
        {"blocked": ["192.0.2.1 }; flush ruleset"], "allowed": [], "version": "a"},
        {"blocked": ["192.0.2.1\n"], "allowed": [], "version": "a"},
        {"blocked": [], "allowed": ["@banned4"], "version": "a"},
        {"blocked": [7], "allowed": [], "version": "a"},
        {"blocked": [], "version": "a"},
        [],
    ],
)
def test_a_list_that_is_none_changes_nothing(site: Site, lists: object) -> None:
    assert site.client.put("/blocks", json=lists).status_code == 400
    assert site.nft.scripts == []
    assert site.client.get("/blocks").json() == {"version": ""}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/bans/10.5.0.10?seconds=60", 409),
        ("PUT", f"/bans/{STRANGER}", 400),
        ("PUT", f"/bans/{STRANGER}?seconds=0", 400),
        ("PUT", f"/bans/{STRANGER}?seconds=60&by=%22%3B", 400),
        ("PUT", "/bans/%7B?seconds=60", 400),
        ("PUT", "/elsewhere", 404),
        ("DELETE", "/blocks", 404),
        ("GET", f"/bans/{STRANGER}", 404),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    site: Site, method: str, path: str, status: int
) -> None:
    assert site.client.request(method, path).status_code == status
    assert site.nft.scripts == []


def test_only_the_control_plane_may_ask(foreign: Site) -> None:
    assert foreign.client.put(f"/bans/{STRANGER}?seconds=60").status_code == 403
    assert foreign.nft.scripts == []


def test_a_kernel_that_refuses_is_told_of(site: Site) -> None:
    site.nft.broken = True
    answer = site.client.put(f"/bans/{STRANGER}?seconds=60")
    assert (answer.status_code, answer.text) == (500, "no such table")
