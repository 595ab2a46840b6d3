"""Names a table by its content: the same rows in the same order give the same SHA-256, whatever wrote them.

The hash covers column names, Arrow types, validity and values in fixed groups of rows; it does not depend on chunk
sizes, on the Parquet writer, or on the bytes that stand beneath a null.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 65_536


class ContentHash:
    """A running hash over tables of one schema; feed it groups of exactly GROUP_ROWS rows, the last may be shorter."""

    def __init__(self, schema: pa.Schema) -> None:
        self._hash = hashlib.sha256()
        for field in schema:
            self._hash.update(f"{field.name}\0{field.type}\0".encode())

    def update(self, table: pa.Table) -> None:
        """Add the next group of rows."""
        self._hash.update(len(table).to_bytes(8, "little"))
        for column in table.columns:
            self._add_column(column)

    def hexdigest(self) -> str:
        """The hash as 64 hexadecimal digits."""
        return self._hash.hexdigest()

    def _add_column(self, column: pa.ChunkedArray) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        array = pc.is_valid(column).combine_chunks()
        self._hash.update(pc.cast(array, pa.uint8()).buffers()[1])
        valid = column.drop_null().combine_chunks()
        if isinstance(valid, pa.ChunkedArray):  # no chunks at all: nothing but nulls
            return
        if not (pa.types.is_primitive(valid.type) or pa.types.is_string(valid.type)):
            valid = valid.cast(pa.string())
        if pa.types.is_boolean(valid.type):
            valid = valid.cast(pa.uint8())
        for buffer in valid.buffers()[1:]:
            if buffer is not None:
                self._hash.update(buffer)
