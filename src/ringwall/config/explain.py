"""What pydantic found wrong, in the words of whoever edits ringwall.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from ringwall.config.model import Settings
from ringwall.config.section import Section

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from ringwall.config.document import Value
    from ringwall.config.errors import Place


@dataclass(frozen=True, slots=True)
class Fault:
    """A setting that is wrong in itself: where, what is wrong, what would be right."""

    place: Place
    message: str
    remedy: str


def faults(error: ValidationError, data: Value) -> list[Fault]:
    """Every fault that validating ``data`` showed; each place has one."""
    found: dict[Place, Fault] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "too_short" and detail["input"]:
            continue  # pydantic counts good items only; the others have errors of their own
        place = _written(detail["loc"], data, missing=detail["type"] == "missing")
        found.setdefault(place, Fault(place, *words(detail, place)))
    return [fault for fault in found.values() if not _is_misspelt(fault.place, found)]


def _written(loc: Place, data: Value, *, missing: bool) -> Place:
    """Find the part of pydantic's location that the file has: unions add steps of their own."""
    place: Place = ()
    inner: Any = data
    for step in loc:
        try:
            place, inner = (*place, step), inner[step]
        except (KeyError, TypeError):  # not a step that the file has
            return loc if missing else place
    return place


def _is_misspelt(place: Place, found: dict[Place, Fault]) -> bool:
    """Whether this missing setting is there under a misspelt name, which is told already."""
    return any(
        other[:-1] == place[:-1] and _suggestion(other) == place[-1]
        for other in found
        if other and place and other != place
    )


def words(detail: ErrorDetails, place: Place) -> tuple[str, str]:
    """Word the message, which follows the setting's name, and the remedy."""
    context, value = detail.get("ctx", {}), detail["input"]
    match detail["type"]:
        case "ringwall":
            said = str(context["message"]), str(context["remedy"])
        case "extra_forbidden":
            said = _unknown(place)
        case "missing":
            said = "is missing", f"write {place[-1]}: {_field(place).description}"
        case "too_short":
            said = "is empty", "write at least one, or remove the line for the default"
        case _ if value is None:
            said = "has no value", 'write one ("" is empty text), or remove the line'
        case _:
            shown = {"list": "a list", "dict": "a mapping"}.get(type(value).__name__, repr(value))
            said = f"{shown} does not fit", _remedy(detail, place)
    return said


def _remedy(detail: ErrorDetails, place: Place) -> str:
    match detail["type"].split("_")[0]:
        case "int" | "greater" | "less":
            return "write a whole number" + _limits(_field(place))
        case "model":
            return f"write a mapping of: {', '.join(_section(place).model_fields)}"
        case "literal":
            return f"write {detail.get('ctx', {})['expected']}"
    examples = _field(place).examples
    usual = f"write text, as {examples[0]}" if examples else f"correct it ({detail['msg']})"
    fixed = {
        "bool_parsing": "write true or false",
        "bool_type": "write true or false",
        "tuple_type": "write a list, as [one, two]",
        "string_too_long": f"write at most {detail.get('ctx', {}).get('max_length')} characters",
    }
    return fixed.get(detail["type"], usual)


def _limits(field: FieldInfo) -> str:
    limits = [
        getattr(rule, side)
        for side in ("ge", "le")
        for rule in field.metadata
        if hasattr(rule, side)
    ]
    return f" from {limits[0]} to {limits[1]}" if len(limits) == 2 else ""


def _unknown(place: Place) -> tuple[str, str]:
    suggestion = _suggestion(place)
    if suggestion:
        return "is no setting", f"did you mean {suggestion}?"
    return "is no setting", f"known here: {', '.join(_section(place[:-1]).model_fields)}"


def _suggestion(place: Place) -> str | None:
    """Find the setting that an unknown name may mean; None for a known name."""
    known = _section(place[:-1]).model_fields
    name = str(place[-1])
    close = [] if name in known else get_close_matches(name.lower().replace("-", "_"), known, 1)
    return close[0] if close else None


def _section(place: Place) -> type[Section]:
    """Find the class of the mapping that stands there."""
    section: type[Section] = Settings
    for name in place:
        if isinstance(name, str):
            annotation = section.model_fields[name].annotation
            section = next(
                kind
                for kind in (annotation, *get_args(annotation))
                if isinstance(kind, type) and issubclass(kind, Section)
            )
    return section


def _field(place: Place) -> FieldInfo:
    """Find the declaration of the setting; of the list, for an item of a list."""
    names = [step for step in place if isinstance(step, str)]
    return _section(tuple(names[:-1])).model_fields[names[-1]]
