"""Turns rows of JSON into columns for a model, by its signature; made once for each loaded version.

It refuses what does not fit and names the row and the field. It knows nothing of bytes and nothing of the model.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from millrace.errors import RequestError, did_you_mean
from serving.runtime.kinds import UnfitValue
from serving.runtime.signature import InputField, Signature

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_PROBLEMS = 20
_LISTED_FIELDS = 30


class Codec:
    """The decoder of one signature."""

    def __init__(self, signature: Signature) -> None:
        self._fields = signature.fields
        self._names = frozenset(field.name for field in signature.fields)

    def decode(self, rows: list[Any]) -> dict[str, npt.NDArray[Any]]:
        """The rows as columns: float64, datetime64[ns] in UTC, or objects of str and None.

        Raises RequestError with one sentence on the first problem and up to 20 of them in the details.
        """
        problems = [problem for index, row in enumerate(rows) if (problem := self._misfit(index, row))]
        columns: dict[str, npt.NDArray[Any]] = {}
        if not problems:
            for field in self._fields:
                columns[field.name] = _column(field, [row.get(field.name) for row in rows], problems)
        if problems:
            _refuse(sorted(problems, key=lambda problem: problem["row"]), len(rows))
        return columns

    def _misfit(self, index: int, row: Any) -> dict[str, Any] | None:
        """What is wrong with a row as a whole: no object, an unknown field."""
        if type(row) is not dict:
            return _problem(index, None, f"is {_shown(row)}; an object of input fields is wanted")
        if row.keys() <= self._names:
            return None
        unknown = next(name for name in row if name not in self._names)
        return _problem(index, unknown, f"is no input of this model. {self._nearest(unknown)}")

    def _nearest(self, unknown: str) -> str:
        if len(self._names) <= _LISTED_FIELDS:
            return did_you_mean(unknown, self._names).removesuffix(".")
        return did_you_mean(unknown, self._names).partition("Allowed:")[0].strip() or "See the model's schema"


def _column(field: InputField, values: list[Any], problems: list[dict[str, Any]]) -> npt.NDArray[Any]:
    kind = field.kind
    if _all_plain(values, kind.plain):
        return kind.column(values)
    read: list[Any] = []
    for index, value in enumerate(values):
        try:
            read.append(_read(field, value))
        except UnfitValue as verdict:
            found = "is missing" if value is None else f"is {_shown(value)}"
            problems.append(_problem(index, field.name, f"{found}; {verdict}"))
            if len(problems) > MOST_PROBLEMS:
                break
    return kind.column(read)


def _all_plain(values: list[Any], plain: frozenset[type]) -> bool:
    """Whether no value needs a look of its own; 1e999 is valid JSON and yet infinite."""
    return plain.issuperset(map(type, values)) and (float not in plain or all(map(math.isfinite, values)))


def _read(field: InputField, value: Any) -> Any:
    if value is not None:
        return field.kind.read(value)
    if field.required:
        raise UnfitValue(f"{field.kind.wanted} is wanted, and this field may not be null")
    return None


def _problem(row: int, field: str | None, text: str) -> dict[str, Any]:
    return {"row": row, "field": field, "problem": text}


def _refuse(problems: list[dict[str, Any]], rows: int) -> None:
    first, listed = problems[0], problems[:MOST_PROBLEMS]
    where = f"Row {first['row']} (counted from 0)" if rows > 1 else "The row"
    subject = where if first["field"] is None else f"{where}: field '{first['field']}'"
    more = f" {len(problems) - 1} more problems are in the details." if len(problems) > 1 else ""
    raise RequestError(f"{subject} {first['problem']}.{more}", details={"errors": listed})


def _shown(value: Any) -> str:
    """A value as the sender wrote it, cut short."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = f"a {type(value).__name__} too large to show"
    return text if len(text) <= 60 else text[:57] + "..."
