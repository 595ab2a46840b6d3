"""Turns rows of JSON into columns for a model, by its signature; made once for each loaded version.

It refuses what does not fit and names the row and the field. A body goes through the compiled types of `row_types`
first; only what they do not take is parsed, looked at value by value, and explained. It knows nothing of the model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from millrace.errors import RequestError, did_you_mean
from millrace.inputs.kinds import UnfitValue
from millrace.inputs.signature import InputField, Signature
from serving.failures import MalformedBodyError, TooLargeError
from serving.runtime.row_types import RowTypes
from serving.runtime.strict_json import parse_json

if TYPE_CHECKING:
    import numpy.typing as npt

GivenColumn: TypeAlias = "list[Any] | npt.NDArray[Any]"
MOST_PROBLEMS = 20
_LISTED_FIELDS = 30


class Codec:
    """The decoder of one signature. An unknown field is refused, or ignored where `ignore_unknown` says so."""

    def __init__(self, signature: Signature) -> None:
        self._fields = signature.fields
        self._names = frozenset(field.name for field in signature.fields)
        self._strict = RowTypes(signature.fields)

    @cached_property
    def _lenient(self) -> RowTypes:
        return RowTypes(self._fields, ignore_unknown=True)

    def decode_body(
        self, body: bytes, many: bool, *, most: int | None = None, ignore_unknown: bool = False
    ) -> dict[str, npt.NDArray[Any]]:
        """The columns of one row (a JSON object), or of at most `most` rows (an array of them).

        Raises MalformedBodyError, TooLargeError or RequestError.
        """
        columns = self.rows(ignore_unknown=ignore_unknown).columns(body, many=many)
        if columns is None:
            parsed = parse_json(body)
            return self.decode(_rows(parsed, most) if many else [parsed], ignore_unknown=ignore_unknown)
        _bounded(len(next(iter(columns.values()))), most if many else None)
        return columns

    def rows(self, *, ignore_unknown: bool = False) -> RowTypes:
        """The quick decoder, for a caller that knows another way where it gives up."""
        return self._lenient if ignore_unknown else self._strict

    def decode(self, rows: list[Any], *, ignore_unknown: bool = False) -> dict[str, npt.NDArray[Any]]:
        """The rows as columns: float64, datetime64[ns] in UTC, or objects of str and None.

        Raises RequestError with one sentence on the first problem and up to 20 of them in the details.
        """
        problems = [problem for index, row in enumerate(rows) if (problem := self._misfit(index, row, ignore_unknown))]
        columns: dict[str, npt.NDArray[Any]] = {}
        if not problems:
            for field in self._fields:
                columns[field.name] = _column(field, [row.get(field.name) for row in rows], problems)
        if problems:
            _refuse(sorted(problems, key=lambda problem: problem["row"]), len(rows))
        return columns

    def takes(self, row: dict[str, Any]) -> bool:
        """Whether a row fits."""
        try:
            self.decode([row], ignore_unknown=True)
        except RequestError:
            return False
        return True

    def decode_columns(
        self, given: Mapping[str, GivenColumn], rows: int, *, ignore_unknown: bool = False, first_row: int = 0
    ) -> dict[str, npt.NDArray[Any]]:
        """The same for a table that came by columns: each a list of `rows` JSON values, or an array of its kind.

        `first_row` is the number of the first one, where the table is a part of a longer one.
        """
        unknown = [] if ignore_unknown else [name for name in given if name not in self._names]
        problems = [_problem(0, name, f"is no input of this model. {self._nearest(name)}") for name in unknown]
        absent = [None] * rows
        columns = {f.name: _given(f, given.get(f.name, absent), problems) for f in self._fields}
        if problems:
            placed = [{**problem, "row": problem["row"] + first_row} for problem in problems]
            _refuse(sorted(placed, key=lambda problem: problem["row"]), first_row + rows)
        return columns

    def _misfit(self, index: int, row: Any, ignore_unknown: bool) -> dict[str, Any] | None:
        """What is wrong with a row as a whole: no object, an unknown field."""
        if type(row) is not dict:
            return _problem(index, None, f"is {_shown(row)}; an object of input fields is wanted")
        if ignore_unknown or row.keys() <= self._names:
            return None
        unknown = next(name for name in row if name not in self._names)
        return _problem(index, unknown, f"is no input of this model. {self._nearest(unknown)}")

    def _nearest(self, unknown: str) -> str:
        if len(self._names) <= _LISTED_FIELDS:
            return did_you_mean(unknown, self._names).removesuffix(".")
        return did_you_mean(unknown, self._names).partition("Allowed:")[0].strip() or "See the model's schema"


def _rows(parsed: Any, most: int | None) -> list[Any]:
    if type(parsed) is not list:
        raise MalformedBodyError(
            f"The body is a JSON {_json_kind(parsed)}, but an array of rows is wanted.",
            hint="Send [{...}, {...}], or one row to /predict.",
        )
    if not parsed:
        raise MalformedBodyError("The array of rows is empty.", hint="Send at least one row.")
    _bounded(len(parsed), most)
    return parsed


def _bounded(rows: int, most: int | None) -> None:
    if most is not None and rows > most:
        raise TooLargeError(
            f"The batch has {rows:,} rows; at most {most:,} are taken at a time.",
            hint="Send it in parts, or raise SERVING_BATCH_ROWS.",
        )


def _json_kind(value: Any) -> str:
    kinds = {dict: "object", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def _given(field: InputField, values: GivenColumn, problems: list[dict[str, Any]]) -> npt.NDArray[Any]:
    return _column(field, values, problems) if isinstance(values, list) else values


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
    except TypeError:  # it came in a table and has no form in JSON
        text = f"of the type {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
