from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ringwall.config import document, source
from ringwall.config.model import Settings
from ringwall.config.reference import flow, generated, json_schema, page, sample

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", generated())
def test_the_documentation_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == generated()[name], (
        "run: python -m ringwall.config.reference docs"
    )


def leaves(data: Any, path: str = "") -> list[str]:
    if not isinstance(data, dict):
        return [path]
    return [leaf for key, item in data.items() for leaf in leaves(item, f"{path}.{key}")]


def test_every_setting_stands_in_the_reference_and_in_the_sample() -> None:
    reference, written = page(), sample()
    for leaf in leaves(Settings().model_dump(mode="json")):
        name = leaf.rsplit(".", 1)[1]
        assert f"| `{name}` |" in reference
        assert re.search(rf"^ *#?{name}:", written, re.MULTILINE), leaf


def test_every_setting_says_what_it_is() -> None:
    for name, definition in json_schema()["$defs"].items():
        assert definition.get("description"), name
        for key, schema in definition["properties"].items():
            assert schema.get("description", "").endswith("."), f"{name}.{key}"


def test_the_schema_has_defaults_as_people_write_them() -> None:
    defs = json_schema()["$defs"]
    assert defs["Probe"]["properties"]["interval"]["default"] == "5s"
    assert defs["Ports"]["properties"]["rtp"]["default"] == "30000-30199"
    assert defs["Pbx"]["properties"]["nodes"]["default"][0]["address"] == "10.5.0.10"
    assert "seconds" not in json.dumps(defs["Probe"]["properties"]["interval"])


@pytest.mark.parametrize("uncommented", [False, True])
def test_the_sample_is_all_defaults(tmp_path: Path, *, uncommented: bool) -> None:
    text = (
        re.sub(r"^( *)#(?! \w)", r"\1", sample(), flags=re.MULTILINE) if uncommented else sample()
    )
    file = tmp_path / "ringwall.yaml"
    file.write_text(text, encoding="utf-8")
    assert source.load(file) == Settings()


def test_the_sample_takes_other_domains(tmp_path: Path) -> None:
    file = tmp_path / "ringwall.yaml"
    file.write_text(sample(("a.example", "192.0.2.1")), encoding="utf-8")
    assert source.load(file).sbc.domains == ("a.example", "192.0.2.1")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (5060, "5060"),
        ("5m", "5m"),
        ("10.5.0.10", "10.5.0.10"),
        ("10.5.0.0/24", "10.5.0.0/24"),
        ("http://a/b", "http://a/b"),
        ("603", '"603"'),
        ("1.2", '"1.2"'),
        ("1e3", '"1e3"'),
        ("yes", '"yes"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("*x", '"*x"'),
        (["a", "b c"], '[a, "b c"]'),
        ({"a": 1, "b": ["c"]}, "{a: 1, b: [c]}"),
    ],
)
def test_values_in_yaml(value: object, text: str) -> None:
    assert flow(value) == text
    if isinstance(value, str):
        assert document.parse(f"key: {text}", "x").data == {"key": value}
