"""Turns Arrow tables of plain types into frames whose dtypes follow from the whole table, not from the part at hand.

A column of integers is float64 in pandas where it has nulls. Whether it has any is a matter of the whole table: a part
without nulls must have the same dtype as one with them, or a step would see other kinds from part to part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.tables.arrow_types import family

if TYPE_CHECKING:
    import pandas as pd

EXACT_INTEGERS = 2**53
"""Up to here a double holds every integer."""


@dataclass(frozen=True)
class Known:
    """What the whole table says of a column: whether it has nulls, and integers that a double cannot hold."""

    nulls: bool
    wide: bool = False

    @classmethod
    def of(cls, values: Any) -> Known:
        """What a column that is at hand as a whole says."""
        wide = values.null_count and family(values.type) == "integer" and beyond_doubles(values)
        return cls(values.null_count > 0, bool(wide))


def beyond_doubles(integers: Any) -> bool:
    """Whether some of these integers cannot be held by a double."""
    bounds = pc.min_max(integers).as_py()
    return bool(max(abs(bounds["min"] or 0), abs(bounds["max"] or 0)) > EXACT_INTEGERS)


def frame_of(table: pa.Table, known: Mapping[str, Known] | None = None, *, nullable: bool = False) -> pd.DataFrame:
    """The table as a frame; `known` tells of the whole table where this is a part of it.

    Integers and truth values with nulls become float64 and object, or keep their kind in pandas' nullable dtypes
    where `nullable` is set. Each column is given back before the next one is turned.
    """
    import pandas as pd

    columns = dict(zip(table.column_names, table.columns, strict=True))
    rows = table.num_rows
    del table
    convert = _nullable if nullable else _usual
    frame = {}
    for name in list(columns):
        values = columns.pop(name)
        frame[name] = convert(values, known[name] if known is not None else Known.of(values))
    return pd.DataFrame(frame, index=pd.RangeIndex(rows), copy=False)


def keeping_integers(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, whose integers that a double cannot hold stay exact when a join or a shift puts nulls among them."""
    import pandas as pd

    wide = [name for name in frame.columns if frame[name].dtype.kind in "iu" and _beyond_doubles(frame[name])]
    return frame.astype(dict.fromkeys(wide, pd.Int64Dtype())) if wide else frame


def _beyond_doubles(values: pd.Series[Any]) -> bool:
    return bool((values > EXACT_INTEGERS).any() or (values < -EXACT_INTEGERS).any())


def _usual(values: Any, known: Known) -> pd.Series[Any]:
    import pandas as pd

    kind = family(values.type)
    if kind == "nothing":
        return pd.Series([float("nan")] * len(values), dtype="float64")
    if kind == "integer" and known.nulls:
        return _nullable(values, known) if known.wide else pc.cast(values, pa.float64()).to_pandas()
    series: pd.Series[Any] = values.to_pandas()
    return series.astype(object) if kind == "boolean" and known.nulls else series


def _nullable(values: Any, known: Known) -> pd.Series[Any]:
    import pandas as pd

    kinds = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    series: pd.Series[Any] = values.to_pandas(types_mapper=kinds.get) if known.nulls else values.to_pandas()
    return series
