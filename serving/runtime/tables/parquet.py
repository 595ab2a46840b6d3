"""Parquet: row groups are read a part at a time, and answers written as row groups of a sensible size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from millrace.inputs.signature import Signature
from serving.runtime.tables.arrow_columns import parts_of
from serving.runtime.tables.base import Table, TableFormat, Writer
from serving.runtime.tables.reading import guarded

GROUP_ROWS = 65_536
_LARGEST_TEXT = 10_000_000
"""Of the file's own description: a few bytes must not ask for much memory."""


def _read(source: IO[bytes], signature: Signature, rows: int) -> Iterator[Table]:
    return guarded("Parquet", _parts(source, signature, rows))


def _parts(source: IO[bytes], signature: Signature, rows: int) -> Iterator[Table]:
    import pyarrow.parquet as pq

    options: dict[str, Any] = {
        "thrift_string_size_limit": _LARGEST_TEXT,
        "thrift_container_size_limit": _LARGEST_TEXT,
        "pre_buffer": False,
    }
    with pq.ParquetFile(source, **options) as file:
        for batch in file.iter_batches(batch_size=rows, use_threads=False):
            yield from parts_of(batch, signature, rows)


class _Groups:
    """Gathers tables until they make a row group: many small ones would make a large and slow file."""

    def __init__(self, sink: Any, schema: Any) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(sink, schema)
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, table: Any) -> None:
        """Add a table."""
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what waits, and the file's description."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting, self._rows = [], 0


def _writer(sink: Any, schema: Any) -> Writer:
    return _Groups(sink, schema)


PARQUET = TableFormat(
    "application/vnd.apache.parquet",
    ("application/parquet", "application/x-parquet"),
    _read,
    _writer,
    {"type": "string", "format": "binary", "description": "A Parquet file with a column for each field."},
)
