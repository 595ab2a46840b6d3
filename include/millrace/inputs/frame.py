"""A table as a model's input columns, row by row as strict as a request, and as fast as its columns allow.

A row that does not fit is told with row, field and reason, in the words of the service; which rows go on is decided by
whoever asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from millrace.errors import DataError, did_you_mean
from millrace.inputs.kinds import UnfitValue
from millrace.inputs.signature import InputField, Signature

if TYPE_CHECKING:
    import pandas as pd

Array: TypeAlias = "npt.NDArray[Any]"
_MOST_SHOWN = 60


@dataclass(frozen=True)
class Problem:
    """Why a row cannot be scored; rows are counted from 0 over the whole table."""

    row: int
    field: str | None
    problem: str

    def __str__(self) -> str:
        subject = f"Row {self.row} (counted from 0)"
        return f"{subject}: field '{self.field}' {self.problem}." if self.field else f"{subject} {self.problem}."


@dataclass(frozen=True)
class Decoded:
    """The columns of all rows, and what is wrong with some of them: those hold a placeholder."""

    columns: dict[str, Array]
    problems: list[Problem]


def check_columns(names: list[str], signature: Signature) -> None:
    """Refuse a table that lacks a column which the model must have. Raises DataError."""
    for field in signature.fields:
        if field.required and field.name not in names:
            raise DataError(
                f"The table has no column '{field.name}', which the model needs ({field.kind.wanted}).",
                hint=did_you_mean(field.name, names),
            )


def decode_frame(frame: pd.DataFrame, signature: Signature, first_row: int = 0, *, written: bool = False) -> Decoded:
    """The frame's rows as the model takes them; a column that the model does not know is left out.

    `written`: it comes from a format that knows text only, such as CSV, where a cell is read as its field's kind; one
    odd cell would make texts of its whole column.
    """
    problems: list[Problem] = []
    columns = {}
    for field in signature.fields:
        if field.name not in frame.columns:
            columns[field.name] = _absent(field, len(frame))
            continue
        series = _read_cells(field, frame[field.name]) if written else frame[field.name]
        columns[field.name] = _column(field, series, problems, first_row)
    return Decoded(columns, sorted(problems, key=lambda problem: problem.row))


def _read_cells(field: InputField, series: pd.Series[Any]) -> pd.Series[Any]:
    """A column of texts with each cell as what its field is; a cell that is no such thing stays a text."""
    read = _CELLS.get(field.kind.wire)
    if read is None or series.dtype != object:
        return series
    return series.map(lambda cell: read(cell) if type(cell) is str else cell).astype(object)


def _number_cell(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell


_CELLS: dict[type, Callable[[str], Any]] = {
    float: _number_cell,
    bool: lambda cell: {"true": True, "false": False}.get(cell.lower(), cell),
}
"""How a cell is read, by what its kind is on the wire; texts and times are texts."""


def _absent(field: InputField, rows: int) -> Array:
    return np.repeat(field.kind.column([None]), rows)


def _column(field: InputField, series: pd.Series[Any], problems: list[Problem], first_row: int) -> Array:
    missing = series.isna().to_numpy()
    whole = not missing.any()
    if not whole and field.required:
        wanted = f"is missing; {field.kind.wanted} is wanted, and this field may not be null"
        problems += [Problem(first_row + int(row), field.name, wanted) for row in np.flatnonzero(missing)]
    found = _typed(series if whole else series[~missing])
    read = field.kind.typed(found)
    if read is None:
        places = np.flatnonzero(~missing)
        read = _one_by_one(field, found, problems, first_row + places)
    if whole:
        return read
    column = np.repeat(field.kind.column([None]).astype(read.dtype), len(series))
    column[~missing] = read
    return column


def _typed(series: pd.Series[Any]) -> Array:
    """The values without gaps as an array of the datatype that they really have."""
    dtype: Any = series.dtype
    if getattr(dtype, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    values = series.to_numpy()
    if values.dtype == object and len(values) and all(type(value) is bool for value in values):
        return values.astype(bool)
    return values


def _one_by_one(field: InputField, values: Array, problems: list[Problem], rows: Array) -> Array:
    """The values as if they had come as JSON, one after the other; a placeholder for each that does not fit."""
    read: list[Any] = []
    for row, value in zip(rows.tolist(), _as_json(values), strict=True):
        try:
            read.append(field.kind.read(value))
        except UnfitValue as verdict:
            problems.append(Problem(row, field.name, f"is {_shown(value)}; {verdict}"))
            read.append(None)
    return field.kind.column(read)


def _as_json(values: Array) -> list[Any]:
    if values.dtype.kind == "M":
        return [str(moment) for moment in values.astype("datetime64[us]")]
    plain = values.tolist()
    return [value.isoformat() if hasattr(value, "isoformat") else value for value in plain]


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError):
        text = f"of the type {type(value).__name__}"
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 3] + "..."
