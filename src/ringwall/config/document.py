"""A YAML file as plain data that remembers its lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from ringwall.config.errors import ConfigErrors, Mistake, Place, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

Value = str | list["Value"] | dict[str, "Value"] | None

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_PLAINER = {
    "mapping values are not allowed here": (
        "a colon cannot stand here",
        "check the indentation of this line and the one before; quote text that holds a colon",
    ),
    "found character '\\t' that cannot start any token": (
        "a tab cannot indent",
        "indent with spaces",
    ),
    "expected <block end>": (
        "is indented unlike the lines before it",
        "give everything in one section the same indentation",
    ),
    "but found another document": ("a second document starts", "write one document, without ---"),
}


@dataclass(slots=True)
class Document:
    """Scalars stay as they are written, since only the model knows what type they have."""

    file: str
    data: Value = None
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, message: str, remedy: str, *places: Place) -> Mistake:
        """Make a mistake at the first of the places that is written in the file."""
        place = next((place for place in places if place in self.lines), places[0])
        return Mistake(self.file, self._line(place), dotted(place), message, remedy)

    def _line(self, place: Place) -> int | None:
        """Its line, else the line of the nearest thing around it."""
        around = [place, *(place[:length] for length in range(len(place) - 1, 0, -1))]
        return next((self.lines[outer] for outer in around if outer in self.lines), None)


def parse(text: str, file: str) -> Document:
    """Read YAML text; raise ``ConfigErrors`` where it is none. ``file`` is its name."""
    try:
        root = YAML(typ="safe", pure=True).compose(StringIO(text))
    except MarkedYAMLError as error:
        raise ConfigErrors([_syntax(error, file)]) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"holds the control character {error.character!r}"
        raise ConfigErrors([Mistake(file, line, "", message, "remove it")]) from error
    except YAMLError as error:
        raise ConfigErrors(
            [Mistake(file, None, "", f"is no YAML: {error}", "correct it")]
        ) from error
    document = Document(file)
    if root is not None:
        document.data = _Reader(document).value(root, ())
    return document


def _syntax(error: MarkedYAMLError, file: str) -> Mistake:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else None
    problem = str(error.problem)
    for beginning, words in _PLAINER.items():
        if problem.startswith(beginning):
            return Mistake(file, line, "", *words)
    began = f" (begun in line {error.context_mark.line + 1})" if error.context_mark else ""
    context = f"{error.context}: " if error.context else ""
    message = f"is no YAML: {context}{problem}{began}"
    return Mistake(file, line, "", message, "correct this line or the one before")


class _Reader:
    """Turns YAML nodes into data, and notes lines and mistakes in the document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: list[Node] = []

    def value(self, node: Node, place: Place) -> Value:
        """Read the node's data; ``place`` is where it stands."""
        if any(node is outer for outer in self._open):
            self._mistake(node, place, "holds itself (*)", "write the value out")
            return None
        self._document.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, ScalarNode):
            return None if node.tag == _NULL else str(node.value)
        self._open.append(node)
        try:
            return self._collection(node, place)
        finally:
            self._open.pop()

    def _collection(self, node: Node, place: Place) -> Value:
        if isinstance(node, SequenceNode):
            return [self.value(item, (*place, i)) for i, item in enumerate(node.value)]
        return dict(self._entries(node, place))

    def _entries(self, node: Node, place: Place) -> Iterator[tuple[str, Value]]:
        seen: dict[str, int] = {}
        for key, item in node.value:
            if not isinstance(key, ScalarNode) or key.tag == _MERGE:
                self._mistake(key, place, "has a key that is no name", "write plain keys")
            elif key.value in seen:
                message = f"is written twice (before in line {seen[key.value]})"
                self._mistake(key, (*place, key.value), message, "keep one of them")
            else:
                inner = (*place, key.value)
                self._document.lines[inner] = seen[key.value] = key.start_mark.line + 1
                yield key.value, self.value(item, inner)

    def _mistake(self, node: Node, place: Place, message: str, remedy: str) -> None:
        line = node.start_mark.line + 1
        mistake = Mistake(self._document.file, line, dotted(place), message, remedy)
        self._document.mistakes.append(mistake)
