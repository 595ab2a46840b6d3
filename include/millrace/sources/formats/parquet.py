"""Reads Parquet in batches of rows; the types are the file's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as kinds

from millrace.errors import SourceError
from millrace.sources.base import Reading
from millrace.sources.formats.checks import check_named_columns, check_unique
from millrace.sources.formats.opening import TableFile
from millrace.sources.options import Kind
from millrace.tables.arrow_types import plain_table
from millrace.tables.spool import Spool

if TYPE_CHECKING:
    import pandas as pd

_TYPES: dict[Kind, pa.DataType] = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}


def read_parquet(file: TableFile, reading: Reading) -> Iterator[pd.DataFrame]:
    """Yield the table in frames of one schema. Raises SourceError."""
    try:
        # A file at hand needs nothing fetched ahead, and what is fetched ahead stays in memory until the end.
        with pq.ParquetFile(file.path, pre_buffer=False) as source, Spool() as spool:
            names = [name for name in source.schema_arrow.names if not name.startswith("__index_level_")]
            check_unique(names, file.shown)
            check_named_columns(names, file)
            for batch in source.iter_batches(reading.chunk_rows, columns=file.options.columns or names):
                spool.add(_plain(_declared(pa.Table.from_batches([batch]), file), file))
            if not spool.rows:
                raise SourceError(f"{file.shown} has {len(names)} columns but no rows.", hint="Export the table again.")
            yield from spool.frames()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = str(error).splitlines()[0].rstrip(".")
        raise SourceError(f"{file.shown} is a damaged Parquet file: {reason}.", hint="Write it again.") from error


def _plain(table: pa.Table, file: TableFile) -> pa.Table:
    for name, values in zip(table.column_names, table.columns, strict=True):
        if kinds.is_temporal(values.type) and not kinds.is_time(values.type) and not kinds.is_duration(values.type):
            _refuse_far(name, values, file)
    return plain_table(table)


def _refuse_far(name: str, values: pa.ChunkedArray, file: TableFile) -> None:
    try:
        pc.cast(values, pa.timestamp("ns", getattr(values.type, "tz", None)))
    except pa.ArrowInvalid as error:
        bounds = pc.cast(pa.array(pc.min_max(values).as_py().values(), values.type), pa.string()).to_pylist()
        raise SourceError(
            f"Column '{name}' of {file.shown} holds times from {bounds[0]} to {bounds[1]}; 1678 to 2261 is allowed.",
            hint=f"Where such a time means 'never', make it null; or read text: read: {{dtype: {{{name}: str}}}}.",
        ) from error


def _declared(table: pa.Table, file: TableFile) -> pa.Table:
    for name, kind in file.options.dtype.items():
        if name in table.column_names:
            position = table.column_names.index(name)
            try:
                table = table.set_column(position, name, pc.cast(table[name], _TYPES[kind]))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise SourceError(
                    f"Column '{name}' of {file.shown} cannot be read as {kind}: {str(error).rstrip('.')}.",
                    hint="Choose another kind under read: {dtype: …}.",
                ) from error
    return table
