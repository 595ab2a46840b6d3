"""References to stored credentials in a spec: `${credential:NAME}`. They are filled in when a source or sink is opened.

So a parsed spec, a run record and a DAG hold the name only. Nothing here knows where values come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import SecretStr, ValidationError

from millrace.errors import SpecError
from millrace.revealed import hidden
from millrace.spec.document import SpecDocument, texts
from millrace.strict import StrictModel

Part = TypeVar("Part", bound=StrictModel)
_ANY = re.compile(r"\$\{\s*credential\b[^}]*\}?")
_REFERENCE = re.compile(r"\$\{credential:(?P<name>[a-z0-9][a-z0-9._-]{0,63})\}")
PLACES = ("source", "transform", "load", "score")
"""The sections that may refer to credentials: those that connect to something; `transform` does by a joined table."""


def check_references(document: SpecDocument) -> None:
    """Raise SpecError for a reference that is misspelt, or that stands where nothing is connected."""
    for location, text in texts(document.data):
        where = f"{document.file}:{document.line_of(location)}: {'.'.join(map(str, location))}"
        for found in _ANY.finditer(text):
            if not _REFERENCE.fullmatch(found[0]):
                raise SpecError(
                    f"{where}: '{found[0]}' is no reference to a credential.",
                    hint="Write ${credential:NAME}; a name has a-z 0-9 . _ - only.",
                )
            if location[0] not in PLACES or (location[0] == "transform" and "with" not in location):
                raise SpecError(
                    f"{where}: a credential is allowed under {', '.join(PLACES)} only.",
                    hint="Elsewhere records of the run would keep it. For a plain value use an environment variable.",
                )


def names_in(data: Any) -> set[str]:
    """The names of all credentials that plain data, or a section of a spec, refers to."""
    plain = _plain(data) if isinstance(data, StrictModel) else data
    return {found["name"] for _, text in texts(plain) for found in _REFERENCE.finditer(text)}


def filled(part: Part, values: Mapping[str, str]) -> Part:
    """A source or sink with its credentials in their places. Raises SpecError that shows none of them."""
    try:
        return type(part).model_validate(_fill(_plain(part), values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or getattr(part, "type", "section")
        raise SpecError(
            f"With the stored credentials filled in, {where} does not fit: {hidden(first['msg'])}."
        ) from None


def _plain(part: StrictModel) -> Any:
    """What was written of a section, its secrets as text."""
    return _revealed(part.model_dump(by_alias=True, exclude_unset=True) | _kind(part))


def _kind(part: StrictModel) -> dict[str, Any]:
    return {"type": part.type} if hasattr(part, "type") else {}


def _revealed(node: Any) -> Any:
    if isinstance(node, SecretStr):
        return node.get_secret_value()
    if isinstance(node, dict):
        return {key: _revealed(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_revealed(value) for value in node]
    return node


def _fill(node: Any, values: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _fill(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, values) for value in node]
    return _REFERENCE.sub(lambda found: _written(found, values), node) if isinstance(node, str) else node


def _written(found: re.Match[str], values: Mapping[str, str]) -> str:
    """The value as it stands in its text: percent-encoded inside an address, else as it is."""
    value = values[found["name"]]
    return quote(value, safe="") if "://" in found.string[: found.start()] else value
