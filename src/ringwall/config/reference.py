"""What is made from the settings' declaration: reference page, JSON Schema, sample file.

``python -m ringwall.config.reference docs`` writes the first two into that folder.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic.json_schema import GenerateJsonSchema

from ringwall.config.model import Settings
from ringwall.config.section import Section
from ringwall.config.types import Duration, PortRange, Size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

Json = dict[str, Any]

_ACTIVE = {"public_address", "domains"}  # what everyone edits stands in the sample uncommented

_SAMPLE_HEAD = """\
# Ringwall's settings. `ringwall check` tells every mistake in this file, with its line.
# A setting that is commented out shows its default.
# Times are whole numbers with s, m, h or d. Paths are relative to this file.
"""

_PAGE_HEAD = """\
# ringwall.yaml

<!-- Made by `python -m ringwall.config.reference docs`: edit src/ringwall/config/*model.py. -->

`ringwall init` writes this file with every setting in it, and `ringwall check` tells every mistake
with its line. What is not written has its default; an empty file is all defaults. Times are whole
numbers with a unit: `5s`, `2m`, `1h`, `1d`. Paths are relative to the file's folder. Editors
complete and check the file with [ringwall.schema.json](ringwall.schema.json).
"""


class _Schema(GenerateJsonSchema):
    """Defaults as they are written in the file; no titles made up from names."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        return (
            str(dft)
            if isinstance(dft, Duration | PortRange | Size)
            else super().encode_default(dft)
        )

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - likewise
        return False


def json_schema() -> Json:
    """Make the JSON Schema of ringwall.yaml."""
    schema = Settings.model_json_schema(schema_generator=_Schema)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "ringwall.yaml"}


def page() -> str:
    """Write the reference page, in Markdown."""
    return "\n".join([_PAGE_HEAD, *_sections(Settings, "", Settings().model_dump(mode="json"))])


def _sections(section: type[Section], path: str, defaults: Json) -> Iterator[str]:
    rows = {k: f for k, f in section.model_fields.items() if _inner(f) is None or _is_list(f)}
    if path:
        yield f"## {path}\n\n{section.__doc__}\n"
    if rows:
        yield "| setting | value | default | meaning |\n| --- | --- | --- | --- |"
        yield from (_row(section, name, field, defaults) for name, field in rows.items())
        yield ""
    for name, field in section.model_fields.items():
        inner = _inner(field)
        if inner:
            at = f"{path}.{name}".removeprefix(".") + ("[]" if _is_list(field) else "")
            yield from _sections(inner, at, {} if _is_list(field) else defaults[name])


def _inner(field: FieldInfo) -> type[Section] | None:
    """Find the class of the mapping, or of the list of mappings, that the setting holds."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, Section)), None)


def _is_list(field: FieldInfo) -> bool:
    return bool(get_args(field.annotation))


def _row(section: type[Section], name: str, field: FieldInfo, defaults: Json) -> str:
    schema = section.model_json_schema(schema_generator=_Schema)["properties"][name]
    if field.is_required():
        default = "(must be written)"
    else:
        default = f"`{flow(defaults.get(name, field.default))}`"
    return f"| `{name}` | {_value(schema)} | {default} | {field.description} |"


def _value(schema: Json) -> str:
    """Say what a setting may be, in words."""
    if "title" in schema:
        return str(schema["title"])
    if "anyOf" in schema:
        return " or ".join(_value(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of: {_value(schema['items'])}"
    if schema.get("type") == "integer":
        return f"{schema['minimum']} to {schema['maximum']}"
    words = {"boolean": "`true`, `false`", "null": "`null`", "string": "text"}
    return schema.get("format") or words.get(schema.get("type", ""), "mappings, see below")


def flow(value: Any) -> str:  # noqa: ANN401 - anything that JSON can hold
    """Write a value as YAML, on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _OTHER_TYPE.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


_PLAIN = re.compile(r"[\w./]([\w./@-]|:(?=\S))*")
_OTHER_TYPE = re.compile(
    r"[\d_]*\.?[\d_]*(e[\d+-]+)?|0[xo].*|true|false|yes|no|on|off|null", re.IGNORECASE
)


def sample(domains: tuple[str, ...] = ()) -> str:
    """Write a ringwall.yaml: every setting, commented; ``domains`` instead of the default ones."""
    values = Settings().model_dump(mode="json")
    values["sbc"]["domains"] = list(domains) or values["sbc"]["domains"]
    return "\n".join([_SAMPLE_HEAD, *_sample(Settings, values, "")])


def _sample(section: type[Section], values: Json, indent: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = None if _is_list(field) else _inner(field)
        yield from textwrap.wrap(
            (inner.__doc__ if inner else field.description) or "",
            width=92,
            break_on_hyphens=False,
            initial_indent=f"{indent}# ",
            subsequent_indent=f"{indent}# ",
        )
        if inner:
            yield f"{indent}{name}:"
            yield from _sample(inner, values[name], f"{indent}  ")
        else:
            mark = "" if name in _ACTIVE else "#"
            yield from (f"{indent}{mark}{line}" for line in _setting(name, field, values[name]))
            yield ""


def _setting(name: str, field: FieldInfo, value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if _inner(field):
        yield f"{name}:"
        yield from (f"  - {flow(item)}" for item in value)
    else:
        yield f"{name}: {flow(value)}"


def generated() -> dict[str, str]:
    """Make the files that stand in docs/, by name."""
    schema = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    return {"configuration.md": page(), "ringwall.schema.json": schema}


if __name__ == "__main__":
    for file_name, text in generated().items():
        (Path(sys.argv[1]) / file_name).write_text(text, encoding="utf-8")
