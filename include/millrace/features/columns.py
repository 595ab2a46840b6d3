"""Turns tables and requests into the columns that feature steps work on: numbers, times and texts.

Numbers and booleans become float64 (missing: NaN), times datetime64[ns] in UTC (missing: NaT), texts object arrays of
str or None. Whatever cannot become its kind is refused by name; nothing is guessed silently.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from millrace.errors import TransformError

if TYPE_CHECKING:
    import pandas as pd

Kind: TypeAlias = Literal["number", "boolean", "time", "text"]
Array: TypeAlias = "npt.NDArray[Any]"


def kind_of(column: pd.Series[Any]) -> Kind:
    """What a table's column is for the models; an object column of numbers is a number, a categorical its values."""
    from pandas.api import types

    dtype = column.dtype
    if types.is_object_dtype(dtype):
        return _kind_of_objects(column)
    if isinstance(dtype, types.CategoricalDtype):
        return kind_of(column.astype(dtype.categories.dtype))
    if types.is_bool_dtype(dtype):
        return "boolean"
    if types.is_datetime64_any_dtype(dtype):
        return "time"
    return "number" if types.is_numeric_dtype(dtype) else "text"


def _kind_of_objects(column: pd.Series[Any]) -> Kind:
    from pandas.api.types import infer_dtype

    inferred = infer_dtype(column, skipna=True)
    if inferred == "boolean":
        return "boolean"
    if inferred in {"datetime", "datetime64", "date"}:
        return "time"
    return "number" if inferred in {"integer", "floating", "mixed-integer-float", "decimal"} else "text"


def as_kind(name: str, values: Any, kind: Kind) -> Array:
    """`values` (a Series, an array or a list) as an array of its kind. Raises TransformError that names the column."""
    try:
        return _CONVERTERS[kind](values)
    except (ValueError, TypeError, OverflowError) as error:
        raise TransformError(
            f"The column '{name}' cannot be read as a {kind}: {_first_line(error)}.",
            hint=f"It was a {kind} when the model was trained; send values of that kind, or null.",
        ) from error


def columns_from_frame(frame: pd.DataFrame, kinds: dict[str, Kind]) -> dict[str, Array]:
    """The named columns of a table as arrays of their kinds. Raises TransformError for an absent column."""
    absent = [name for name in kinds if name not in frame.columns]
    if absent:
        raise TransformError(
            f"The model's input '{absent[0]}' is not a column of the table.",
            hint=f"The table has: {', '.join(map(str, frame.columns))}.",
            details={"missing": absent},
        )
    return {name: as_kind(name, frame[name], kind) for name, kind in kinds.items()}


def _numbers(values: Any) -> Array:
    to_numpy = getattr(values, "to_numpy", None)
    if to_numpy is not None:  # a pandas Series: knows its own missing values
        return np.asarray(to_numpy(dtype="float64", na_value=np.nan), dtype="float64")
    array = np.asarray(values)
    if array.dtype.kind in "OUS":
        array = np.array([np.nan if value is None else value for value in array.tolist()], dtype="float64")
    return array.astype("float64", copy=False)


def _times(values: Any) -> Array:
    array = np.asarray(values) if not hasattr(values, "dtype") else values
    dtype = array.dtype
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        return np.asarray(array, dtype="datetime64[ns]")
    import pandas as pd

    # Mixed offsets and formats are legal ISO 8601; everything is brought to UTC, naive times are taken as UTC.
    parsed = pd.to_datetime(pd.Series(array), utc=True, format="ISO8601" if dtype.kind in "OUT" else None)
    return parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")


def _texts(values: Any) -> Array:
    items = values.tolist() if hasattr(values, "tolist") else list(values)
    out = np.empty(len(items), dtype=object)
    out[:] = [item if type(item) is str else _text(item) for item in items]
    return out


def _text(item: Any) -> str | None:
    if item is None or type(item).__name__ in {"NAType", "NaTType"}:
        return None
    return None if isinstance(item, float) and math.isnan(item) else str(item)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")


_CONVERTERS = {"number": _numbers, "boolean": _numbers, "time": _times, "text": _texts}
