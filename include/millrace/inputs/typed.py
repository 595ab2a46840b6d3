"""Columns that come with a datatype of their own (Arrow, Parquet, binary tensors): taken as they are where they fit.

One function a kind. Each takes an array without gaps and gives the column of its kind, or None where a value does not
certainly fit: then the values are read one by one, as if they had come as JSON, and the errors are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from millrace.inputs.signature import InputField

LARGEST_EXACT = 2**53 - 1
"""Beyond it a whole number and its neighbour are the same in double precision."""
EARLIEST, LATEST = np.datetime64("1678-01-01T00:00:00", "s"), np.datetime64("2262-01-01T00:00:00", "s")
Array: TypeAlias = "npt.NDArray[Any]"


def numbers(given: Array) -> Array | None:
    """Integers and finite floats."""
    if given.dtype.kind not in "fiu":
        return None
    column = given.astype(np.float64)
    return column if np.isfinite(column).all() else None


def integers(given: Array) -> Array | None:
    """Whole numbers that double precision holds exactly."""
    if given.dtype.kind not in "fiu" or not bool(((given <= LARGEST_EXACT) & (given >= -LARGEST_EXACT)).all()):
        return None
    column = given.astype(np.float64)
    return column if bool((np.floor(column) == column).all()) else None


def booleans(given: Array) -> Array | None:
    """True and false; no numbers."""
    return given.astype(np.float64) if given.dtype.kind == "b" else None


def texts(given: Array) -> Array | None:
    """Texts and nothing else."""
    return given if given.dtype == object and all(type(value) is str for value in given) else None


def times(given: Array) -> Array | None:
    """Times that nanoseconds since 1970 can hold; they are in UTC already."""
    if given.dtype.kind != "M":
        return None
    seconds = given.astype("datetime64[s]")
    fits = bool(((seconds >= EARLIEST) & (seconds < LATEST)).all())
    return given.astype("datetime64[ns]") if fits else None


def fitted(field: InputField, present: Array, is_present: Array) -> Array | None:
    """The field's column from the values that are there and the places where they are; None as above."""
    if is_present.all():
        return field.kind.typed(present)
    if field.required:
        return None
    column = field.kind.column([None] * len(is_present))
    if len(present):
        taken = field.kind.typed(present)
        if taken is None:
            return None
        column[is_present] = taken
    return column
