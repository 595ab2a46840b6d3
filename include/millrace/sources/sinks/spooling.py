"""Gathers the frames that a sink receives, so that it knows the whole table's types and keys before it writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import SinkError, did_you_mean
from millrace.tables.spool import Spool, spooled

if TYPE_CHECKING:
    import pandas as pd


def gathered(frames: Iterable[pd.DataFrame]) -> AbstractContextManager[Spool]:
    """The frames in a spool, on disk beyond the first. Raises SinkError for a column of two kinds."""
    return spooled(frames, _of_two_kinds)


def _of_two_kinds(column: str, value: Any, other: Any) -> SinkError:
    return SinkError(
        f"Column '{column}' holds {value!r} and {other!r}, which are of two kinds.",
        hint="Cast it by a transform step.",
    )


def batches(spool: Spool, rows: int, *, naive: bool = False) -> Iterator[list[dict[str, Any]]]:
    """The table's rows as Python values: times in microseconds (UTC, `naive` without saying so), NaN as None."""
    for table in spool.tables():
        columns = [_storable(column, naive=naive) for column in table.columns]
        storable = pa.table(columns, names=table.column_names)
        for start in range(0, table.num_rows, rows):
            yield storable.slice(start, rows).to_pylist()


def _storable(column: Any, *, naive: bool) -> Any:
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pa.types.is_timestamp(column.type):
        aware = column if column.type.tz else pc.assume_timezone(column, "UTC")
        return pc.cast(pc.floor_temporal(aware, unit="microsecond"), pa.timestamp("us", None if naive else "UTC"))
    return column


def check_key(spool: Spool, key: list[str]) -> None:
    """Refuse a key that the table lacks, that is null in a row, or that two rows share. Raises SinkError."""
    for name in key:
        if name not in spool.columns:
            raise SinkError(
                f"The key column '{name}' is not in the table.", hint=did_you_mean(name, list(spool.columns))
            )
        if spool.columns[name].nulls:
            raise SinkError(
                f"The key column '{name}' is null in {spool.columns[name].nulls:,} rows.",
                hint="Drop those rows by a transform step, or choose another key.",
            )
    keys = pa.concat_tables([table.select(key) for table in spool.tables()]).to_pandas()
    twice = keys.duplicated()
    if twice.any():
        example = ", ".join(f"{name}={value}" for name, value in keys[twice].iloc[0].items())
        raise SinkError(
            f"{int(twice.sum()):,} rows repeat the key of another row (e.g. {example}).",
            hint="Add the step drop_duplicates with this key as its subset, or choose a key that tells the rows apart.",
        )
