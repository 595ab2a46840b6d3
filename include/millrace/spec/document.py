"""Reads a spec's YAML into plain data that remembers its lines, and fills in environment variables.

YAML 1.2 (so that `1e-3` is a number and `on` a word). Nothing here knows what a spec may say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import accumulate
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from millrace.errors import SpecError

Location = tuple[str | int, ...]
MOST_PARTS = 50_000
"""Keys and items of one document, each use of an alias counted: a few lines of YAML can stand for billions."""
DEEPEST = 100
"""Brackets that may be open at once: the reader's time grows with the square of them."""
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_REFERENCE = re.compile(r"\$\{(?!\s*credential\b)[^}]*\}?")

_BRACKETS = re.compile(r"[\[\]{}]")


class SpecDocument:
    """A spec as it was written: plain data, and the line on which each part of it stands."""

    def __init__(self, data: dict[str, Any], lines: dict[Location, int], file: str) -> None:
        self.data = data
        self.lines = lines
        self.file = file

    def line_of(self, location: Location) -> int:
        """The 1-based line of the deepest part of `location` that the document has."""
        for depth in range(len(location), -1, -1):
            line = self.lines.get(location[:depth])
            if line is not None:
                return line
        return 1

    def variables(self) -> list[tuple[Location, str]]:
        """Where the document names an environment variable, and which."""
        return [(place, match["name"]) for place, text in texts(self.data) for match in _VARIABLE.finditer(text)]

    def substituted(self, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The data with `${NAME}` and `${NAME:-default}` replaced. Raises SpecError that names the line."""
        values = os.environ if environment is None else environment
        filled: dict[str, Any] = self._fill(self.data, values, ())
        return filled

    def _fill(self, node: Any, values: Mapping[str, str], location: Location) -> Any:
        if isinstance(node, dict):
            return {key: self._fill(value, values, (*location, key)) for key, value in node.items()}
        if isinstance(node, list):
            return [self._fill(value, values, (*location, index)) for index, value in enumerate(node)]
        if isinstance(node, str) and "${" in node:
            self._refuse_misspelt(node, location)
            return _VARIABLE.sub(lambda match: self._value(match, values, location), node)
        return node

    def _refuse_misspelt(self, text: str, location: Location) -> None:
        """What looks like a variable and is none would otherwise stand in a path or an address as it is."""
        for found in _REFERENCE.finditer(_VARIABLE.sub(lambda match: match["default"] or "", text)):
            where = f"{self.file}:{self.line_of(location)}: {'.'.join(map(str, location))}"
            raise SpecError(
                f"{where}: '{found[0]}' is no reference to an environment variable.",
                hint="Write ${NAME} or ${NAME:-default}; a default cannot hold another variable.",
            )

    def _value(self, match: re.Match[str], values: Mapping[str, str], location: Location) -> str:
        name, default = match["name"], match["default"]
        value = values.get(name) or default
        if value is None:
            raise SpecError(
                f"{self.file}:{self.line_of(location)}: {'.'.join(map(str, location))} needs the environment variable "
                f"{name}, which is not set.",
                hint=f"Set {name}, or give a default: ${{{name}:-value}}.",
            )
        return value


def texts(node: Any, location: Location = ()) -> Iterator[tuple[Location, str]]:
    """Every text in plain data, and where it stands."""
    if isinstance(node, str):
        yield location, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from texts(value, (*location, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from texts(value, (*location, index))


def read_document(path: Path) -> SpecDocument:
    """Read the YAML file at `path`. Raises SpecError with the line of what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8.") from error
    return parse_document(text, str(path))


def parse_document(text: str, file: str = "<spec>") -> SpecDocument:
    """Parse YAML text; `file` is the name that errors show."""
    if _depth(text) > DEEPEST:
        raise _too_much(file)
    try:
        loaded = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SpecError(f"{file}:{line}: this is not YAML: {error.problem}.", hint="Check the indentation.") from error
    except (YAMLError, ValueError) as error:
        raise SpecError(f"{file}:1: this is not YAML: {error}.") from error
    except RecursionError:
        raise _too_much(file) from None
    if not isinstance(loaded, dict):
        found = "nothing" if loaded is None else f"a {type(loaded).__name__}"
        raise SpecError(f"{file}:1: a spec is a mapping of keys to values; found {found}.")
    lines: dict[Location, int] = {(): 1}
    try:
        return SpecDocument(_plain(loaded, (), lines), lines, file)
    except (_TooManyPartsError, RecursionError):
        raise _too_much(file) from None
    except ValueError as error:
        raise SpecError(
            f"{file}:1: {error}, which no spec can have.", hint="Write plain texts, numbers, lists and mappings."
        ) from error


def _depth(text: str) -> int:
    """The most brackets that are open at once; those inside quotes count too, which no spec comes near to."""
    opened = (1 if bracket in "[{" else -1 for bracket in _BRACKETS.findall(text))
    return max(accumulate(opened), default=0)


class _TooManyPartsError(Exception):
    """The document stands for more than a spec can have to say."""


def _too_much(file: str) -> SpecError:
    return SpecError(
        f"{file}:1: this stands for more than {MOST_PARTS:,} keys and items, or is nested too deeply.",
        hint="Write it without aliases that repeat one another.",
    )


def _plain(node: Any, location: Location, lines: dict[Location, int]) -> Any:
    """Plain Python data for a ruamel node; notes the line of every key and item on the way."""
    if len(lines) > MOST_PARTS:
        raise _TooManyPartsError
    if isinstance(node, CommentedMap):
        for key in node:
            # A key that came by a merge (`<<: *other`) has no line of its own.
            lines[(*location, key)] = _line(node.lc.data, key) or lines.get(location, 1)
        return {key: _plain(value, (*location, key), lines) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            lines[(*location, index)] = _line(node.lc.data, index) or lines.get(location, 1)
        return [_plain(value, (*location, index), lines) for index, value in enumerate(node)]
    return _scalar(node)


def _line(marks: Any, key: Any) -> int | None:
    """The 1-based line of a key or an item by ruamel's marks, where it has one."""
    return marks[key][0] + 1 if marks is not None and key in marks else None


def _scalar(node: Any) -> Any:
    """A YAML scalar as str, bool, int, float or None, without what ruamel adds to it; a time stays text."""
    if isinstance(node, date):
        return node.isoformat()
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return _text(str(node)) if kind is str else kind(node)
    if node is not None:
        raise ValueError(f"a value has the tag {getattr(getattr(node, 'tag', None), 'value', type(node).__name__)}")
    return None


def _text(node: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in node):
        raise ValueError("a text holds half of a surrogate pair")
    return node
