from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ringwall.config.types import (
    Address,
    ApiUrl,
    DomainName,
    Duration,
    InstanceName,
    NodeName,
    PortRange,
    PublicAddress,
    Size,
    Subnet,
)

PORTS = st.integers(1, 65535)


@given(st.integers(1, 3650 * 86400))
def test_a_duration_survives_being_written(seconds: int) -> None:
    duration = Duration(seconds)
    assert Duration.parse(str(duration)) == duration
    adapter = TypeAdapter(Duration)
    assert adapter.validate_json(adapter.dump_json(duration)) == duration


@given(PORTS, PORTS)
def test_a_port_range_survives_being_written(first: int, last: int) -> None:
    ports = PortRange(first, last)
    assert PortRange.parse(str(ports)) == ports
    adapter = TypeAdapter(PortRange)
    assert adapter.validate_json(adapter.dump_json(ports)) == ports


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_told_to_be_none(text: str) -> None:
    try:
        told = f"write {Duration.parse(text)}"
    except ValueError as error:
        told = str(error)
    assert "write " in told


@given(st.integers(64, 1024 * 1024))
def test_a_size_survives_being_written(mebibytes: int) -> None:
    size = Size(mebibytes)
    assert Size.parse(str(size)) == size
    adapter = TypeAdapter(Size)
    assert adapter.validate_json(adapter.dump_json(size)) == size


def test_sizes() -> None:
    assert Size.parse("2G").bytes == 2 * 1024**3
    assert str(Size.parse("2048M")) == "2G"
    assert str(Size.parse("100M")) == "100M"


@pytest.mark.parametrize("value", ["1", 1024, "1K", "1.5G", "-1G", "1 G", "", None, True])
def test_what_is_no_size(value: object) -> None:
    with pytest.raises(ValidationError, match="as 512M or 2G"):
        TypeAdapter(Size).validate_python(value)


@pytest.mark.parametrize("value", ["63M", "0G", "1025G"])
def test_sizes_have_bounds(value: str) -> None:
    with pytest.raises(ValidationError, match="from 64M to 1024G"):
        TypeAdapter(Size).validate_python(value)


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("5s", 5, "5s"),
        ("2m", 120, "2m"),
        ("1h", 3600, "1h"),
        ("1d", 86400, "1d"),
        ("90s", 90, "90s"),
        ("120s", 120, "2m"),
        ("36h", 129600, "36h"),
        ("05s", 5, "5s"),
    ],
)
def test_durations(text: str, seconds: int, written: str) -> None:
    assert Duration.parse(text).seconds == seconds
    assert str(Duration.parse(text)) == written


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (30, "write 30s for seconds, 30m for minutes"),
        ("30", "write 30s for seconds, 30m for minutes"),
        ("0s", "from 1s to 3650d"),
        ("3651d", "from 1s to 3650d"),
        ("1.5h", "whole number"),
        ("-5s", "whole number"),
        ("5 s", "whole number"),
        ("5S", "whole number"),
        ("5ms", "whole number"),
        ("\u0665s", "whole number"),
        ("", "whole number"),
        (True, "whole number"),
        (None, "whole number"),
        (["5s"], "whole number"),
        ("9" * 400 + "s", "whole number"),
    ],
)
def test_what_is_no_duration(value: object, remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        TypeAdapter(Duration).validate_python(value)


def test_durations_have_an_order() -> None:
    assert Duration(59) < Duration(60) <= Duration(60)


def test_a_port_range_counts_and_holds_both_ends() -> None:
    ports = PortRange(30000, 30003)
    assert len(ports) == 4
    assert 30000 in ports
    assert 30003 in ports
    assert 30004 not in ports
    assert "30000" not in ports


@pytest.mark.parametrize(
    "value", ["30000", "30000:30010", "0-10", "1-65536", "a-b", "-5", 30000, None, [1, 2]]
)
def test_what_is_no_port_range(value: object) -> None:
    with pytest.raises(ValidationError, match="write "):
        TypeAdapter(PortRange).validate_python(value)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("sip.example.com", "sip.example.com"),
        ("SIP.Example.COM", "sip.example.com"),
        ("pbx", "pbx"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("3cx.example", "3cx.example"),
        ("a" * 60 + ".com", "a" * 60 + ".com"),
    ],
)
def test_domains(text: str, kept: str) -> None:
    assert TypeAdapter(DomainName).validate_python(text) == kept


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("sip:example.com", "without sip: or a port"),
        ("example.com:5060", "without sip: or a port"),
        ("user@example.com", "without sip: or a port"),
        ("10.5.0.300", "four numbers"),
        ("10.5.0", "four numbers"),
        ("example.com.", "letters, digits"),
        ("-a.example", "letters, digits"),
        ("my_pbx.example", "letters, digits"),
        ("bücher.example", "xn--"),
        ("", "letters, digits"),
        ("a b", "letters, digits"),
        ("example.com\n", "letters, digits"),
        ("a" * 61 + ".com", "at most 64"),
        ("a" * 64, "letters, digits"),
    ],
)
def test_what_is_no_domain(text: str, remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        TypeAdapter(DomainName).validate_python(text)


@pytest.mark.parametrize(
    ("name", "node", "instance"),
    [
        ("asterisk_1", True, True),
        ("a-b", True, True),
        ("1st", False, True),
        ("a" * 32, True, True),
        ("a" * 33, False, False),
        ("Asterisk", False, False),
        ("_a", False, False),
        ("a b", False, False),
        ("a\n", False, False),
        ("", False, False),
    ],
)
def test_names(name: str, node: bool, instance: bool) -> None:
    for kind, good in ((NodeName, node), (InstanceName, instance)):
        if good:
            assert TypeAdapter(kind).validate_python(name) == name
        else:
            with pytest.raises(ValidationError, match="at most 32 characters"):
                TypeAdapter(kind).validate_python(name)


@pytest.mark.parametrize("value", ["10.5.0", "10.5.0.256", "::1", 10, b"\n\x05\x00\x01", None, ""])
def test_what_is_no_address(value: object) -> None:
    adapters: tuple[TypeAdapter[Any], ...] = (TypeAdapter(Address), TypeAdapter(PublicAddress))
    for adapter in adapters:
        with pytest.raises(ValidationError, match=r"is no IPv4 address; write"):
            adapter.validate_python(value)


@pytest.mark.parametrize(
    "text", ["10.5.0.0/24", "172.16.0.0/16", "192.168.1.16/28", "10.5.0.0/255.255.0.0"]
)
def test_subnets(text: str) -> None:
    assert TypeAdapter(Subnet).validate_python(text) == IPv4Network(text)


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("10.5.0.0", "address/prefix length"),
        ("10.5.0.0/33", "address/prefix length"),
        ("10.5.0.0/29", "from /16 to /28"),
        ("10.0.0.0/8", "from /16 to /28"),
        ("10.5.0.1/24", r"write 10\.5\.0\.0/24"),
        ("127.0.0.0/24", "private subnet"),
        ("224.0.0.0/24", "private subnet"),
        ("0.0.0.0/24", "private subnet"),
        (168099840, "address/prefix length"),
        (None, "address/prefix length"),
        (IPv4Network("10.5.0.0/30"), "from /16 to /28"),
    ],
)
def test_what_is_no_subnet(value: object, remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        TypeAdapter(Subnet).validate_python(value)


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com/registrations?tenant=1",
        "http://192.168.1.5:8000",
        "https://[2001:db8::1]:8443/x",
    ],
)
def test_urls(url: str) -> None:
    assert TypeAdapter(ApiUrl).validate_python(url) == url


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("", "https://host/path"),
        (7, "https://host/path"),
        ("app.example.com", "https://host/path"),
        ("ftp://app.example.com", "https://host/path"),
        ("https://", "https://host/path"),
        ("https://:80/", "https://host/path"),
        ("https://app:port/", "https://host/path"),
        ("https://app:99999/", "https://host/path"),
        ("https://[::1/", "https://host/path"),
        ("https://app/a b", "https://host/path"),
        ("https://app/\r\nX: y", "https://host/path"),
        ("https://app/" + "x" * 2100, "https://host/path"),
        ("https://me:word@app/", "the URL alone"),
        ("https://app/#part", "the URL alone"),
        ("http://localhost:8000/", "an address of the machine"),
        ("http://127.1.2.3/", "an address of the machine"),
        ("http://[::1]:8000/", "an address of the machine"),
    ],
)
def test_what_is_no_url_of_an_api(url: object, remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        TypeAdapter(ApiUrl).validate_python(url)
