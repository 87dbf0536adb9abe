"""Values that ringwall.yaml is made of: how they are written, what they may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.json_schema import JsonSchemaValue

MAX_NAME = 32
MAX_DOMAIN = 64  # the width of the domain columns in Kamailio's own schema
WIDEST_PREFIX, NARROWEST_PREFIX = 16, 28  # a /28 still holds hosts 2 to 14, the roles' numbers


def wrong(message: str, remedy: str) -> PydanticCustomError:
    """Make the error of a value: what is wrong (it follows the path), what would be right."""
    return PydanticCustomError(
        "ringwall", "{message}; {remedy}", {"message": message, "remedy": remedy}
    )


class _Written:
    """A value object that ringwall.yaml and settings.json hold as text."""

    schema: ClassVar[JsonSchemaValue]

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read the text; raise ``ValueError`` with the remedy."""
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.parse(value),
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", **cls.schema}


@dataclass(frozen=True, order=True, slots=True)
class Duration(_Written):
    """A time of whole seconds, from 1 second to 3650 days: ``5s`` ``2m`` ``1h`` ``1d``."""

    seconds: int

    schema: ClassVar[JsonSchemaValue] = {"title": "time", "pattern": "^[0-9]+[smhd]$"}
    _units: ClassVar[dict[str, int]] = {"d": 86400, "h": 3600, "m": 60, "s": 1}

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= 3650 * 86400:
            raise wrong("is out of range", "write a time from 1s to 3650d")

    def __str__(self) -> str:
        unit, size = next(u for u in self._units.items() if self.seconds % u[1] == 0)
        return f"{self.seconds // size}{unit}"

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read ``5s``, ``2m``, ``1h`` or ``1d``; raise ``ValueError`` with the remedy."""
        if re.fullmatch("[0-9]+", str(text)):
            raise wrong(f"{text} has no unit", f"write {text}s for seconds, {text}m for minutes")
        match = re.fullmatch(r"([0-9]{1,9})([smhd])", text) if isinstance(text, str) else None
        if match is None:
            raise wrong(
                f"{text!r} is no time", "write a whole number and s, m, h or d, as 30s or 5m"
            )
        return cls(int(match[1]) * cls._units[match[2]])


@dataclass(frozen=True, slots=True)
class PortRange(_Written):
    """UDP ports from ``first`` to ``last``, both included: ``30000-30199``."""

    first: int
    last: int

    schema: ClassVar[JsonSchemaValue] = {"title": "ports first-last", "pattern": "^[0-9]+-[0-9]+$"}

    def __post_init__(self) -> None:
        if not 1 <= self.first <= 65535 or not 1 <= self.last <= 65535:
            raise wrong(f"{self} leaves the ports", "write ports from 1 to 65535")

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __len__(self) -> int:
        return max(0, self.last - self.first + 1)

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.first <= port <= self.last

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read ``first-last``; raise ``ValueError`` with the remedy."""
        match = (
            re.fullmatch(r"([0-9]{1,5})\s*-\s*([0-9]{1,5})", text)
            if isinstance(text, str)
            else None
        )
        if match is None:
            raise wrong(f"{text!r} is no range of ports", "write first-last, as 30000-30199")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, order=True, slots=True)
class Size(_Written):
    """A size of whole mebibytes: ``512M`` ``2G``, from 64M to 1024G."""

    mebibytes: int

    schema: ClassVar[JsonSchemaValue] = {"title": "size", "pattern": "^[0-9]+[MG]$"}

    def __post_init__(self) -> None:
        if not 64 <= self.mebibytes <= 1024 * 1024:
            raise wrong("is out of range", "write a size from 64M to 1024G")

    def __str__(self) -> str:
        whole = self.mebibytes % 1024 == 0
        return f"{self.mebibytes // 1024}G" if whole else f"{self.mebibytes}M"

    @property
    def bytes(self) -> int:
        """The size in bytes."""
        return self.mebibytes * 1024 * 1024

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read ``512M`` or ``2G``; raise ``ValueError`` with the remedy."""
        match = re.fullmatch(r"([0-9]{1,7})([MG])", text) if isinstance(text, str) else None
        if match is None:
            raise wrong(f"{text!r} is no size", "write a whole number and M or G, as 512M or 2G")
        return cls(int(match[1]) * (1024 if match[2] == "G" else 1))


@dataclass(frozen=True, slots=True)
class Rate(_Written):
    """So many a second, from 1 to 100000: ``30/s``; None: ``unlimited``."""

    per_second: int | None

    schema: ClassVar[JsonSchemaValue] = {"title": "rate", "pattern": "^([0-9]+/s|unlimited)$"}

    def __post_init__(self) -> None:
        if self.per_second is not None and not 1 <= self.per_second <= 100_000:
            raise wrong("is out of range", "write a rate from 1/s to 100000/s, or unlimited")

    def __str__(self) -> str:
        return "unlimited" if self.per_second is None else f"{self.per_second}/s"

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read ``30/s`` or ``unlimited``; raise ``ValueError`` with the remedy."""
        if text == "unlimited":
            return cls(None)
        match = re.fullmatch(r"([0-9]{1,9})\s*/\s*s", text) if isinstance(text, str) else None
        if match is None:
            raise wrong(
                f"{text!r} is no rate", "write a whole number and /s, as 30/s; or unlimited"
            )
        return cls(int(match[1]))


def _domain(text: str) -> str:
    name = text.lower()
    if re.fullmatch(r"[0-9.]+", name):
        return str(address(name))
    if ":" in name or "/" in name or "@" in name:
        raise wrong(f"{text!r} is no domain", "write the bare name, without sip: or a port")
    if len(name) > MAX_DOMAIN:
        raise wrong(f"has {len(name)} characters", f"write at most {MAX_DOMAIN}")
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    if not re.fullmatch(rf"{label}(\.{label})*", name):
        raise wrong(
            f"{text!r} is no domain",
            "write a host name of letters, digits, hyphens and dots (as sip.example.com; "
            "others in their xn-- form), or an IPv4 address",
        )
    return name


def _name(pattern: str, allowed: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > MAX_NAME or not re.fullmatch(pattern, text):
            raise wrong(f"{text!r} is no name", f"write {allowed}, at most {MAX_NAME} characters")
        return text

    return check


def address(value: object) -> IPv4Address:
    """Read a dotted IPv4 address; numbers, which Python would take, are refused."""
    if isinstance(value, IPv4Address):
        return value
    try:
        return IPv4Address(value if isinstance(value, str) else "")
    except ValueError:
        raise wrong(
            f"{value!r} is no IPv4 address", "write four numbers from 0 to 255, as 192.0.2.10"
        ) from None


def _public_address(value: object) -> IPv4Address | Literal["auto"]:
    if value == "auto":
        return "auto"
    try:
        return address(value)
    except PydanticCustomError:
        raise wrong(
            f"{value!r} is no IPv4 address", "write auto, or an address, as 203.0.113.5"
        ) from None


def _subnet(value: object) -> IPv4Network:
    try:
        subnet = (
            value if isinstance(value, IPv4Network) else IPv4Network(_with_prefix(value), False)
        )
    except ValueError:
        raise wrong(
            f"{value!r} is no subnet", "write address/prefix length, as 10.5.0.0/24"
        ) from None
    if not WIDEST_PREFIX <= subnet.prefixlen <= NARROWEST_PREFIX:
        raise wrong(
            f"{value} does not have the right size",
            f"write a prefix length from /{WIDEST_PREFIX} to /{NARROWEST_PREFIX}, as /24",
        )
    if isinstance(value, str) and value.split("/")[0] != str(subnet.network_address):
        raise wrong(f"{value} is an address inside a subnet", f"write {subnet}")
    if subnet.is_loopback or subnet.is_multicast or subnet.is_reserved or subnet[0] in _THIS_HOST:
        raise wrong(f"{value} cannot be used", "write a private subnet, as 10.5.0.0/24")
    return subnet


_THIS_HOST = IPv4Network("0.0.0.0/8")


def _with_prefix(value: object) -> str:
    if isinstance(value, str) and "/" in value:
        return value
    raise ValueError


_LOOPBACK = IPv4Network("127.0.0.0/8")
_MAX_URL = 2000


def _url(value: object) -> str:
    """Read the URL of somebody's API, as seen from the container ``control``."""
    text = str(value)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not re.fullmatch(rf"https?://[!-~]{{1,{_MAX_URL}}}", text) or not host:
        raise wrong(
            f"{text!r} is no URL", "write https://host/path, as https://app.example.com/sip"
        )
    if parts.username is not None or parts.fragment:
        raise wrong(
            "holds a user name, a password or a fragment",
            "write the URL alone: each request is signed",
        )
    if host in {"localhost", "::1"} or _is_loopback(host):
        raise wrong(
            f"{host} is the container itself", "write an address of the machine, or its name"
        )
    return text


def _is_loopback(host: str) -> bool:
    try:
        return IPv4Address(host) in _LOOPBACK
    except ValueError:
        return False


def _shaped(title: str, **schema: object) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "title": title, **schema})


_NODE_NAME, _INSTANCE_NAME = "[a-z][a-z0-9_-]*", "[a-z0-9][a-z0-9_-]*"

Address = Annotated[IPv4Address, BeforeValidator(address), _shaped("IPv4 address", format="ipv4")]
PublicAddress = Annotated[
    IPv4Address | Literal["auto"],
    PlainValidator(_public_address),
    _shaped("IPv4 address or auto", pattern=r"^(auto|[0-9]+(\.[0-9]+){3})$"),
]
Subnet = Annotated[
    IPv4Network,
    BeforeValidator(_subnet),
    _shaped("IPv4 subnet, /16 to /28", pattern=r"^[0-9]+(\.[0-9]+){3}/(1[6-9]|2[0-8])$"),
]
ApiUrl = Annotated[
    str, BeforeValidator(_url), _shaped("URL", pattern="^https?://", maxLength=_MAX_URL + 8)
]
DomainName = Annotated[
    str, AfterValidator(_domain), _shaped("host name or IPv4 address", maxLength=MAX_DOMAIN)
]
NodeName = Annotated[
    str,
    AfterValidator(_name(_NODE_NAME, "a small letter, then small letters, digits, _ and -")),
    _shaped("name", pattern=f"^{_NODE_NAME}$", maxLength=MAX_NAME),
]
InstanceName = Annotated[
    str,
    AfterValidator(
        _name(_INSTANCE_NAME, "a small letter or digit, then small letters, digits, _ and -")
    ),
    _shaped("name", pattern=f"^{_INSTANCE_NAME}$", maxLength=MAX_NAME),
]

__all__ = [
    "Address",
    "ApiUrl",
    "DomainName",
    "Duration",
    "InstanceName",
    "NodeName",
    "PortRange",
    "PublicAddress",
    "Rate",
    "Size",
    "Subnet",
    "address",
    "wrong",
]
