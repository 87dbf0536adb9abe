"""The table `inet ringwall` of nftables: who is banned, blocked, or let in whatever else.

The sets are the only memory there is: they outlive the guard as long as the network namespace.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Before connection tracking and any other rule. Of who is blocked ten packets a minute get through,
# so that Kamailio, which refuses them as well, can say so: a request, or a handshake and one.
_TABLE = """
table inet ringwall {
    set banned4 { type ipv4_addr; flags timeout; counter; }
    set banned6 { type ipv6_addr; flags timeout; counter; }
    set blocked4 { type ipv4_addr; flags interval; auto-merge; }
    set blocked6 { type ipv6_addr; flags interval; auto-merge; }
    set allowed4 { type ipv4_addr; flags interval; auto-merge; }
    set allowed6 { type ipv6_addr; flags interval; auto-merge; }
    set heard4 { type ipv4_addr; size 65535; flags dynamic, timeout; timeout 1m; }
    set heard6 { type ipv6_addr; size 65535; flags dynamic, timeout; timeout 1m; }
    chain blocked {
    }
    chain early {
        type filter hook prerouting priority raw; policy accept;
    }
}
flush chain inet ringwall early
flush chain inet ringwall blocked
table inet ringwall {
    chain blocked {
        update @heard4 { ip saddr limit rate 10/minute burst 10 packets } accept
        update @heard6 { ip6 saddr limit rate 10/minute burst 10 packets } accept
        counter drop comment "blocked"
    }
    chain early {
        ip saddr @allowed4 accept
        ip6 saddr @allowed6 accept
        ip saddr @banned4 counter drop comment "banned"
        ip6 saddr @banned6 counter drop comment "banned"
        ip saddr @blocked4 jump blocked
        ip6 saddr @blocked6 jump blocked
    }
}
"""


_NETWORK = re.compile(r"[0-9a-f.:]{2,39}(/[0-9]{1,3})?")


class KernelError(Exception):
    """nftables refused; the text is its own."""


class NeverBanned(Exception):
    """A PBX, one of our own networks, or named in the settings."""


@dataclass(frozen=True, slots=True)
class Banned:
    """An address whose packets are dropped, for so many seconds from now."""

    address: str
    seconds: int
    made_by: str
    packets: int


def nft(script: str, *options: str) -> str:
    """Run a script of nftables: all of it or nothing."""
    done = subprocess.run(
        ["nft", *options, "-f", "-"],
        input=script,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode:
        raise KernelError(done.stderr.strip()[:500])
    return done.stdout


class Kernel:
    """The sets; ``never`` are networks that are not banned, whoever asks."""

    def __init__(self, never: Sequence[Network], run: Callable[..., str] = nft) -> None:
        self._never, self._run = never, run

    def prepare(self) -> None:
        """Make the table, or bring its rules up to date; its sets stay as they are."""
        self._run(_TABLE)

    def ban(self, address: Address, seconds: int, made_by: str) -> None:
        """Drop what comes from there; an older ban of it ends."""
        if any(address in network for network in self._never):
            raise NeverBanned(f"{address} is never banned")
        element = f"inet ringwall {_banned(address)} {{ {address}"
        self._run(
            f"add element {element} }}\ndelete element {element} }}\n"
            f'add element {element} timeout {seconds}s comment "{made_by}" }}\n'
        )

    def unban(self, address: Address) -> None:
        """Let it through."""
        element = f"inet ringwall {_banned(address)} {{ {address} }}"
        # Added first, because what is not there cannot be deleted.
        self._run(f"add element {element}\ndelete element {element}\n")

    def bans(self) -> list[Banned]:
        """Return all bans."""
        answers = (
            json.loads(self._run(f"list set inet ringwall {name}", "-j"))
            for name in ("banned4", "banned6")
        )
        return [
            _found(element["elem"])
            for answer in answers
            for part in answer["nftables"]
            for element in part.get("set", {}).get("elem", ())
        ]

    def block(self, blocked: Iterable[str], allowed: Iterable[str]) -> None:
        """Replace both lists, of addresses and networks; raise ``ValueError`` on anything else."""
        never = map(str, self._never)
        lists = {"blocked": list(blocked), "allowed": [*allowed, *never]}
        script = []
        for name, networks in lists.items():
            if not all(map(_NETWORK.fullmatch, networks)):
                raise ValueError("not a list of addresses and networks")
            for version, colon in ((4, False), (6, True)):
                script.append(f"flush set inet ringwall {name}{version}")
                if found := ", ".join(each for each in networks if (":" in each) == colon):
                    script.append(f"add element inet ringwall {name}{version} {{ {found} }}")
        self._run("\n".join([*script, ""]))


def as_json(bans: Iterable[Banned]) -> bytes:
    """Write bans as the control plane reads them."""
    return json.dumps({"bans": [asdict(ban) for ban in bans]}).encode()


def _banned(address: Address) -> str:
    return f"banned{address.version}"


def _found(element: dict[str, object]) -> Banned:
    counter = element.get("counter")
    return Banned(
        address=str(ip_address(str(element["val"]))),
        seconds=int(str(element.get("expires", 0))),
        made_by=str(element.get("comment", "")),
        packets=int(counter["packets"]) if isinstance(counter, dict) else 0,
    )
