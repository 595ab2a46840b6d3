"""Arrow's IPC formats: the stream, and the file that can be read in any order. Which one came, its first bytes say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from millrace.inputs.signature import Signature
from serving.runtime.tables.arrow_columns import parts_of
from serving.runtime.tables.arrow_messages import check_batches
from serving.runtime.tables.base import Table, TableFormat, Writer
from serving.runtime.tables.reading import guarded

_MAGIC, _HEAD = b"ARROW1", 8


def _read(source: IO[bytes], signature: Signature, rows: int) -> Iterator[Table]:
    return guarded("Arrow", _parts(source, signature, rows))


def _parts(source: IO[bytes], signature: Signature, rows: int) -> Iterator[Table]:
    for batch in _batches(source):
        yield from parts_of(batch, signature, rows)


def _batches(source: IO[bytes]) -> Iterator[Any]:
    import pyarrow as pa

    # A file is a stream between a head and a table of places; read in order, nothing but its messages counts.
    start = _HEAD if source.read(len(_MAGIC)) == _MAGIC else 0
    source.seek(start)
    check_batches(source)
    source.seek(start)
    yield from pa.ipc.open_stream(source)


def _stream_writer(sink: Any, schema: Any) -> Writer:
    import pyarrow as pa

    writer: Writer = pa.ipc.new_stream(sink, schema)
    return writer


def _file_writer(sink: Any, schema: Any) -> Writer:
    import pyarrow as pa

    writer: Writer = pa.ipc.new_file(sink, schema)
    return writer


_SCHEMA = {"type": "string", "format": "binary"}
ARROW_STREAM = TableFormat(
    "application/vnd.apache.arrow.stream",
    (),
    _read,
    _stream_writer,
    {**_SCHEMA, "description": "An Arrow IPC stream with a column for each field."},
)
ARROW_FILE = TableFormat(
    "application/vnd.apache.arrow.file",
    (),
    _read,
    _file_writer,
    {**_SCHEMA, "description": "An Arrow IPC file (Feather) with a column for each field."},
)
