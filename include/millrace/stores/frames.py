"""Brings frames of one table to one Arrow schema, with memory bounded by one frame.

A reader's chunks may differ in type (a column of integers in one, empty in the next). They are spilled to disk as they
come, and streamed back in the schema that holds them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from millrace.errors import DataError
from millrace.stores.content_hash import GROUP_ROWS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class SpilledTable:
    """Frames written to a folder, readable as groups of GROUP_ROWS rows in one schema."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._schemas: list[pa.Schema] = []
        self.rows = 0

    def extend(self, frames: Iterable[pd.DataFrame]) -> None:
        """Spill all frames; their column names must agree. Raises DataError."""
        for frame in frames:
            self._append(frame)

    def _append(self, frame: pd.DataFrame) -> None:
        from pyarrow import feather

        table = arrow_table(frame)
        if self._schemas and table.schema.names != self._schemas[0].names:
            difference = sorted(set(table.schema.names) ^ set(self._schemas[0].names))
            raise DataError(
                f"The table's columns change after row {self.rows}: {', '.join(difference) or 'their order'}.",
                hint="All chunks of a table must have the same columns.",
            )
        feather.write_feather(table, str(self._path(len(self._schemas))), compression="lz4")
        self._schemas.append(table.schema)
        self.rows += len(table)

    @property
    def schema(self) -> pa.Schema:
        """The schema that holds every frame: integers widen to floats, nothing widens to anything."""
        import pyarrow as pa

        if not self._schemas:
            raise DataError("The table has no columns and no rows.")
        bare = [schema.remove_metadata() for schema in self._schemas]
        try:
            return pa.unify_schemas(bare, promote_options="permissive")
        except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
            raise DataError(
                f"A column changes its type within the table: {error}.",
                hint="Declare its type with source.read.dtype, or cast it.",
            ) from error

    def groups(self) -> Iterator[pa.Table]:
        """The table in groups of GROUP_ROWS rows, the last one shorter; one empty group for an empty table."""
        import pyarrow as pa

        schema = self.schema
        pending = schema.empty_table()
        for index in range(len(self._schemas)):
            pending = pa.concat_tables([pending, self._read(index).cast(schema)])
            start = 0
            while len(pending) - start >= GROUP_ROWS:
                yield pending.slice(start, GROUP_ROWS)
                start += GROUP_ROWS
            pending = pending.slice(start)
        if len(pending) or self.rows == 0:
            yield pending

    def _read(self, index: int) -> pa.Table:
        from pyarrow import feather

        return feather.read_table(str(self._path(index)), memory_map=False)

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:06d}.feather"


def arrow_table(frame: pd.DataFrame) -> pa.Table:
    """The frame without its index, as Arrow. Raises DataError for a column of mixed kinds, naming it."""
    import pyarrow as pa

    try:
        return _plain_types(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        column = next((str(c) for c in frame.columns if _fails(frame[c])), "?")
        kinds = sorted({type(value).__name__ for value in frame[column].dropna()}) if column in frame else []
        raise DataError(
            f"The column '{column}' mixes values of several kinds ({', '.join(kinds) or error}).",
            hint="Cast it to one type: {step: cast, columns: {" + column + ": string}}, or read it with read.dtype.",
        ) from error


def _plain_types(table: pa.Table) -> pa.Table:
    """The table with one type for text: pandas' categories and long strings are ways to hold the same content."""
    import pyarrow as pa

    fields = []
    for field in table.schema:
        if pa.types.is_nested(field.type):
            raise DataError(
                f"The column '{field.name}' holds nested values ({field.type}).",
                hint="Flatten it in the source, or leave it out: {step: drop_columns}.",
            )
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        fields.append(pa.field(field.name, pa.string() if pa.types.is_large_string(kind) else kind))
    schema = pa.schema(fields)
    return table if schema == table.schema else table.cast(schema)


def _fails(series: pd.Series) -> bool:
    import pyarrow as pa

    try:
        pa.Array.from_pandas(series)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return True
    return False
