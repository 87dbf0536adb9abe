"""The names of scanners as expressions: their cost does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from ringwall.config.scanners_model import Scanners

_OTHER = "[^a-z0-9]"
_WORD = f"(^|{_OTHER})"
# Whatever is no character of text ends a line.
_LINE = "(^|[^ -~])"
_LONGEST = 8000

# What may follow, by what it begins with; the key "" says that a name may end here.
_Tree: TypeAlias = dict[str, "_Tree"]


def defines(scanners: Scanners) -> dict[str, str]:
    """Return the defines that routes/scanners.cfg reads; none where the layer is off."""
    if not scanners.enabled:
        return {}
    return {
        "WITH_SCANNERS": "",
        **_condition("BLOCKED_AGENT", "$var(agent)", _WORD, map(_words, scanners.block)),
        **_condition("SCORED_AGENT", "$var(agent)", _WORD, map(_words, scanners.score)),
        **_condition("SCANNER_SDP", "$rb", _LINE, map(_characters, scanners.sdp)),
        "SCORE_LIMIT": str(scanners.score_limit),
    }


def _condition(name: str, subject: str, before: str, names: Iterable[list[str]]) -> dict[str, str]:
    """Return a define that is true where a name is found, and those that it consists of."""
    parts = {
        f"{name}_{number}": f'"{_found(before, part)}"'
        for number, part in enumerate(_parts(names), 1)
    }
    return parts | {name: "(" + (" || ".join(f"{subject} =~ {p}" for p in parts) or "0 == 1") + ")"}


def _parts(names: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    """Divide names into parts that Kamailio's reader can hold."""
    part: list[list[str]] = []
    length = 0
    for name in names:
        length += len("".join(name))
        if length > _LONGEST:
            yield part
            part, length = [], len("".join(name))
        part.append(name)
    if part:
        yield part


def _found(before: str, names: Iterable[list[str]]) -> str:
    """Return a POSIX expression; Kamailio compiles it once, and ignores the case."""
    # A version may be written right behind a name.
    return f"{before}{_expression(_tree(names))}[0-9]*({_OTHER}|$)"


def _words(name: str) -> list[str]:
    """Return a name's characters; what stands between words may be anything, or nothing."""
    first, *others = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    characters = [*first]
    for word in others:
        characters += [f"{_OTHER}*", *word]
    return characters


def _characters(line: str) -> list[str]:
    return [c if c.isalnum() or c == "=" else f"[{c}]" for c in line.lower()]


def _tree(names: Iterable[list[str]]) -> _Tree:
    tree: _Tree = {}
    for name in names:
        branch = tree
        for character in name:
            branch = branch.setdefault(character, {})
        branch[""] = {}
    return tree


def _expression(tree: _Tree) -> str:
    """Return an expression that looks at each character once, however many names there are."""
    branches = [first + _expression(rest) for first, rest in sorted(tree.items()) if first]
    if not branches:
        return ""
    if len(branches) == 1 and "" not in tree:
        return branches[0]
    return f"({'|'.join(branches)}){'?' if '' in tree else ''}"
