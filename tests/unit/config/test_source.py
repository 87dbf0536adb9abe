from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ringwall.config.errors import ConfigErrors
from ringwall.config.model import Settings
from ringwall.config.source import load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "ringwall.yaml"


def mistakes(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigErrors) as caught:
        load(file)
    assert caught.value.exit_status == 2
    return [str(item) for item in caught.value.items]


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n", "{}", "sbc:\npbx:\n", "---\n", "~"])
def test_nothing_written_is_all_defaults(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    assert load(file) == Settings()


def test_values_arrive(file: Path) -> None:
    file.write_text(
        "sbc: {domains: [a.example], public_address: 203.0.113.5}\n"
        "pbx:\n"
        "  conference_rooms: 0603\n"
        "  probe: &p {interval: 1m, down_after: 3}\n"
        "instance:\n"
        "  publish: false\n"
        "  ports: {sip: '5070', rtp: 4000-4099}\n"
        "build: {snapshot: ~, registry: ''}\n",
        encoding="utf-8",
    )
    settings = load(file)
    assert settings.sbc.domains == ("a.example",)
    assert str(settings.sbc.public_address) == "203.0.113.5"
    assert settings.pbx.conference_rooms == "0603"
    assert settings.pbx.probe.interval.seconds == 60
    assert settings.instance.publish is False
    assert settings.instance.ports.sip == 5070
    assert settings.instance.ports.rtp.last == 4099
    assert settings.build.snapshot is None
    assert settings.build.registry == ""


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfsbc:\r\n  domains: [a.example]\r\n")
    assert load(file).sbc.domains == ("a.example",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sbc:\n\tdomains: []\n", "2: a tab cannot indent; indent with spaces"),
        ("sbc:\n  domains: [a\npbx: {}\n", "3: is no YAML: while parsing a flow sequence"),
        ("sbc: {}\n pbx: {}\n", "2: is indented unlike the lines before it; give"),
        ("sbc: {}\n---\npbx: {}\n", "2: a second document starts"),
        ("sbc: a: b\n", "1: a colon cannot stand here; check the indentation"),
        ("sbc: {domains: *nope}\n", "1: is no YAML: found undefined alias 'nope'"),
        ("sbc: 'x\n", "is no YAML: while scanning a quoted scalar"),
        ("sbc: {}\n# \x07\n", "2: holds the control character"),
    ],
)
def test_broken_yaml_is_told_with_its_line(file: Path, text: str, expected: str) -> None:
    (only,) = mistakes(file, text)
    assert only.startswith("ringwall.yaml:")
    assert expected in only


def test_a_file_in_another_encoding(file: Path) -> None:
    file.write_bytes(b"sbc: {}\n# B\xfccher\n")
    with pytest.raises(ConfigErrors, match=r"ringwall.yaml:2: is not UTF-8; save it as UTF-8"):
        load(file)


def test_a_missing_file_says_how_to_make_one(file: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"no such file; `ringwall init` writes one"):
        load(file)


def test_a_directory_is_no_file(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigErrors, match=r"ringwall.yaml: cannot be read"):
        load(file)


def test_a_file_elsewhere_is_named_in_full(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    inside = file.relative_to("/")
    assert mistakes(file, "sbs: {}\n")[0].startswith(f"{inside}:1: sbs: ")
    monkeypatch.chdir("/usr")
    assert mistakes(file, "sbs: {}\n")[0].startswith(f"{file}:1: sbs: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "1: a list does not fit; write a mapping of: sbc, pbx, "),
        ("hello\n", "1: 'hello' does not fit; write a mapping of: sbc, pbx, "),
        ("sbc: {domain: [a]}", "1: sbc.domain: is no setting; did you mean domains?"),
        ("sbc: {Public-Address: auto}", "Public-Address: is no setting; did you mean public_addr"),
        ("sbc: {xyz: 1}", "sbc.xyz: is no setting; known here: public_address, domains"),
        ("sbc: {1: 1}", "sbc.1: is no setting; known here"),
        ("sbc: [a]\n", "1: sbc: a list does not fit; write a mapping of: public_address, domains"),
        ("sbc: {domains: a.example}", "sbc.domains: 'a.example' does not fit; write a list"),
        ("sbc: {domains: []}", "sbc.domains: is empty; write at least one"),
        ("sbc:\n  domains:\n", "2: sbc.domains: has no value; write one ("),
        ("sbc: {domains: [~]}", "sbc.domains[0]: has no value"),
        ("sbc: {domains: [[a]]}", "sbc.domains[0]: a list does not fit"),
        (
            "sbc: {public_address: 10.5}",
            "public_address: '10.5' is no IPv4 address; write auto, or",
        ),
        ("sbc: {public_address: {}}", "sbc.public_address: {} is no IPv4 address; write auto"),
        ("pbx: {ring_time: 30}", "pbx.ring_time: 30 has no unit; write 30s for seconds, 30m"),
        ("pbx: {ring_time: soon}", "pbx.ring_time: 'soon' is no time; write a whole number and s"),
        ("pbx: {probe: {up_after: true}}", "up_after: 'true' does not fit; write a whole number"),
        ("pbx: {probe: {up_after: 1.5}}", "'1.5' does not fit; write a whole number from 1 to 10"),
        ("pbx: {probe: {up_after: 0}}", "up_after: '0' does not fit; write a whole number from 1"),
        ("pbx: {probe: {up_after: 11}}", "'11' does not fit; write a whole number from 1 to 10"),
        ("pbx: {nodes: [{name: a}]}", "pbx.nodes[0].address: is missing; write address: Where it"),
        ("pbx:\n  nodes:\n    -\n", "3: pbx.nodes[0].name: is missing"),
        ("pbx: {nodes: {name: a}}", "pbx.nodes: a mapping does not fit; write a list"),
        ("pbx: {conference_rooms: 6o3}", "'6o3' does not fit; write text, as 603,604"),
        ("instance: {publish: maybe}", "instance.publish: 'maybe' does not fit; write true or"),
        ("instance: {prefix: lab}", "instance.prefix: 'lab' does not fit; write text, as lab_"),
        (f"instance: {{prefix: {'a' * 40}_}}", "does not fit; write at most 32 characters"),
        ("instance: {ports: {sip: 70000}}", "write a whole number from 1 to 65535"),
        ("instance: {subnets: {sbc: 10.5.0.1/24}}", "address inside a subnet; write 10.5.0.0/24"),
        ("security: {digest: {algorithms: [SHA1]}}", "[0]: 'SHA1' does not fit; write 'SHA-256'"),
        ("security: {digest: {md5_only_agents: ['a\"b']}}", "[0]: 'a\"b' does not fit; write text"),
        (
            "security: {digest: {md5_only_agents: ['']}}",
            "[0]: '' does not fit; write text, as bare",
        ),
        ("build: {snapshot: 2026-11-01}", "'2026-11-01' does not fit; write text, as 20261101T"),
        ("build: {wheels: [a]}", "build.wheels: a list does not fit"),
        ("sbc: {}\npbx: {}\nsbc: {}\n", "3: sbc: is written twice (before in line 1); keep one"),
        ("sbc: {<<: {domains: [a]}}", "sbc: has a key that is no name; write plain keys"),
        ("sbc: {[a, b]: c}", "sbc: has a key that is no name; write plain keys"),
        ("pbx: &x {nodes: [*x]}", "pbx.nodes[0]: holds itself (*); write the value out"),
    ],
)
def test_each_mistake_is_told_in_plain_words(file: Path, text: str, expected: str) -> None:
    found = mistakes(file, text)
    assert any(expected in item for item in found), found


def test_a_misspelt_setting_that_is_required_is_one_mistake(file: Path) -> None:
    (only,) = mistakes(file, "pbx:\n  nodes:\n    - {name: own, adress: 192.168.1.1}\n")
    assert only == ("ringwall.yaml:3: pbx.nodes[0].adress: is no setting; did you mean address?")


MANY = """\
sbc:
  domains: [a.example, 'sip:b.example', c.example, C.example]
  colour: red
pbx:
  ring_time: 30
  nodes:
    - {name: one, adress: 192.168.1.1}
    - {name: two, address: 192.168.1.2}

    - name: two
      address: 10.5.1.9
registrar:
  min_expires: 20m
instance:
  subnets:
    mgmt: 10.5.0.0/22
  ports: {sip: 5061}
  ports: {tls: 7}
build:
  wheels: nowhere
"""


def test_all_mistakes_are_told_at_once_each_with_its_own_line(file: Path) -> None:
    """Those of form, of single values, and between values, whatever else is wrong."""
    told = [item.split(": ")[:2] for item in mistakes(file, MANY)]
    assert told == [
        ["ringwall.yaml:2", "sbc.domains[1]"],
        ["ringwall.yaml:2", "sbc.domains[3]"],
        ["ringwall.yaml:3", "sbc.colour"],
        ["ringwall.yaml:5", "pbx.ring_time"],
        ["ringwall.yaml:7", "pbx.nodes[0].adress"],
        ["ringwall.yaml:10", "pbx.nodes[2].name"],
        ["ringwall.yaml:11", "pbx.nodes[2].address"],
        ["ringwall.yaml:11", "pbx.nodes[2].address"],
        ["ringwall.yaml:13", "registrar.min_expires"],
        ["ringwall.yaml:16", "instance.subnets.mgmt"],
        ["ringwall.yaml:16", "instance.subnets.mgmt"],
        ["ringwall.yaml:17", "instance.ports.sip"],
        ["ringwall.yaml:18", "instance.ports"],
        ["ringwall.yaml:20", "build.wheels"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "instance: {subnets: {sbc: nonsense, edge: 10.5.0.0/24}}",
        "registrar: {max_expires: nonsense, min_expires: 2h, default_expires: 3h}",
        "pbx: nonsense\ninstance: {subnets: {mgmt: 10.5.0.0/24, sbc: 10.6.0.0/24}}",
        "pbx: {nodes: [{name: a, address: nonsense}]}",
    ],
)
def test_nothing_is_blamed_on_the_default_of_a_broken_value(file: Path, text: str) -> None:
    (only,) = mistakes(file, text)
    assert "nonsense" in only


def test_of_two_in_conflict_the_one_that_is_written_is_blamed(file: Path) -> None:
    (only,) = mistakes(file, "instance:\n  subnets:\n    sbc: 10.5.2.0/24\n")
    assert only.startswith("ringwall.yaml:3: instance.subnets.sbc: ")
