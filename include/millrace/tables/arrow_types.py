"""Turns values of any origin into the few Arrow types that Millrace's tables have.

Integers are int64, numbers double, text string, times timestamp[ns]; decimals become
doubles, or integers where they have no digits behind the point; nested values JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

if TYPE_CHECKING:
    import pandas as pd


class MixedColumnError(Exception):
    """A column holds values of two kinds: `values` are two examples with their 0-based rows."""

    def __init__(self, column: str, values: Sequence[tuple[int, Any]]) -> None:
        super().__init__(column)
        self.column = column
        self.values = list(values)


def arrow_table(frame: pd.DataFrame) -> pa.Table:
    """The frame in plain types. Raises MixedColumnError."""
    names = [str(name) for name in frame.columns]
    return pa.table([_of_series(frame.iloc[:, i], name) for i, name in enumerate(names)], names=names)


def plain_table(table: pa.Table) -> pa.Table:
    """The Arrow table in plain types."""
    return pa.table([plain(column) for column in table.columns], names=table.column_names)


def arrow_column(values: list[Any], name: str) -> pa.Array:
    """A list of Python values as a plain column. Raises MixedColumnError."""
    try:
        return plain(pa.array(values, from_pandas=True))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        return _column_of_odd_values(values, name, error)


def plain(column: Any) -> Any:
    """An Arrow array (or chunked array) in its plain type."""
    kind = column.type
    for fits, convert in _CONVERSIONS:
        if fits(kind):
            return convert(column)
    return column


def family(kind: pa.DataType) -> str:
    """What a plain type is to a person: integer, number, boolean, text, time, bytes, or nothing."""
    for name, fits in _FAMILIES:
        if fits(kind):
            return name
    return str(kind)


def _of_series(series: pd.Series[Any], name: str) -> Any:
    try:
        return plain(pa.array(series, from_pandas=True))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        return _column_of_odd_values(series.tolist(), name, error)


def _column_of_odd_values(values: list[Any], name: str, error: Exception) -> pa.Array:
    """Kinds that Arrow does not put into one column by itself: nested values of many shapes, identifiers, mixtures."""
    examples: dict[str, tuple[int, Any]] = {}
    for row, value in enumerate(values):
        if value is None or value != value:  # noqa: PLR0124 - NaN is not itself
            continue
        examples.setdefault(_kind_of(value), (row, value))
    if set(examples) <= {"integer", "number"}:
        return pa.array([None if v is None or v != v else float(v) for v in values], pa.float64())  # noqa: PLR0124
    if len(examples) > 1:
        raise MixedColumnError(name, list(examples.values())[:2]) from error
    written = json_text if "nested" in examples else str
    return pa.array([None if value is None else written(value) for value in values], pa.string())


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "nested" if isinstance(value, dict | list | tuple) else type(value).__name__


def json_text(value: Any) -> str:
    """A nested value as JSON text, its keys in order."""
    return json.dumps(value, default=str, ensure_ascii=False, sort_keys=True)


def _nested_text(column: Any) -> pa.Array:
    return pa.array([None if value is None else json_text(value) for value in column.to_pylist()], pa.string())


def _text(column: Any) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _decoded(column: Any) -> Any:
    return plain(pc.cast(column, column.type.value_type))


def _of_decimals(column: Any) -> Any:
    """Without digits behind the point they are integers, as keys often are, as far as 64 bits hold them."""
    if column.type.scale <= 0:
        try:
            return pc.cast(column, pa.int64())
        except pa.ArrowInvalid:
            pass
    return _numbers(column)


def _integers(column: Any) -> Any:
    if kinds.is_uint64(column.type) and (pc.max(column).as_py() or 0) >= 2**63:
        return pc.cast(column, pa.float64(), safe=False)
    return pc.cast(column, pa.int64())


def _numbers(column: Any) -> Any:
    """As doubles; what is not a number is null, which is how all tables here say that a value is missing."""
    numbers = pc.cast(column, pa.float64())
    missing = pc.is_nan(numbers)
    return pc.if_else(missing, pa.scalar(None, pa.float64()), numbers) if pc.any(missing).as_py() else numbers


def _time_of(column: Any) -> Any:
    zone = getattr(column.type, "tz", None)
    return pc.cast(column, pa.timestamp("ns", tz="UTC" if zone else None))


_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _text),
    (kinds.is_dictionary, _decoded),
    (kinds.is_integer, _integers),
    (kinds.is_decimal, _of_decimals),
    (kinds.is_floating, _numbers),
    (lambda kind: kinds.is_timestamp(kind) or kinds.is_date(kind), _time_of),
    (lambda kind: kinds.is_large_string(kind) or kinds.is_string_view(kind), lambda c: pc.cast(c, pa.string())),
    (lambda kind: kinds.is_time(kind) or kinds.is_duration(kind), _text),
    (lambda kind: kinds.is_large_binary(kind) or kinds.is_fixed_size_binary(kind), lambda c: pc.cast(c, pa.binary())),
    (kinds.is_nested, _nested_text),
)

_FAMILIES: tuple[tuple[str, Callable[[pa.DataType], bool]], ...] = (
    ("nothing", kinds.is_null),
    ("boolean", kinds.is_boolean),
    ("integer", kinds.is_integer),
    ("number", kinds.is_floating),
    ("text", kinds.is_string),
    ("time", kinds.is_timestamp),
    ("bytes", kinds.is_binary),
)
