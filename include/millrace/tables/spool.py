"""Gives a table that comes in chunks one type for each column, however the chunks differ.

The chunks rest in a temporary folder (Arrow IPC) until the last one is seen, so that memory holds one at a time; a
table of a single chunk never touches the disk. Nothing here knows where the chunks come from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.tables.arrow_types import MixedColumnError, arrow_table, family
from millrace.tables.pandas_types import Known, beyond_doubles, frame_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Column:
    """What was seen of one column: kinds with an example each, nulls, and whether a double can hold its integers."""

    kinds: dict[str, tuple[int, Any]] = field(default_factory=dict)
    types: dict[str, pa.DataType] = field(default_factory=dict)
    nulls: int = 0
    rows: int = 0
    wide_integers: bool = False
    blank: set[pa.DataType] = field(default_factory=set)
    """The types of chunks that were all null: they tell the column's type where no value does."""

    def see(self, values: Any, first_row: int) -> None:
        """Take a chunk's values into account."""
        kind = family(values.type)
        self.rows += len(values)
        self.nulls += values.null_count
        if values.null_count == len(values):
            self.blank |= {values.type} if len(values) and kind != "nothing" else set()
            return
        if kind not in self.kinds:
            row = pc.index(pc.is_valid(values), True).as_py()
            self.kinds[kind] = (first_row + row, values[row].as_py())
            self.types[kind] = values.type
        if kind == "integer":
            self.wide_integers |= beyond_doubles(values)

    def unified(self, name: str) -> pa.DataType:
        """The type that holds every chunk of the column. Raises MixedColumnError."""
        seen = set(self.kinds)
        if not seen:
            return next(iter(self.blank)) if len(self.blank) == 1 else pa.null()
        if seen == {"integer"} and pa.float64() in self.blank and not self.wide_integers:
            return pa.float64()  # as pandas has it where integers and nulls stand in one chunk
        if len(seen) == 1:
            return self.types[next(iter(seen))]
        if seen == {"integer", "number"}:
            return pa.float64()
        raise MixedColumnError(name, list(self.kinds.values())[:2])


class Spool:
    """Chunks on their way to a consistent table. Use it as a context manager: it removes its folder."""

    def __init__(self) -> None:
        self.columns: dict[str, Column] = {}
        self.rows = 0
        self.bytes = 0
        self._first: pa.Table | None = None
        self._files: list[Path] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, table: pa.Table) -> None:
        """Take one more chunk of plain types."""
        for name, values in zip(table.column_names, table.columns, strict=True):
            self.columns.setdefault(name, Column(nulls=self.rows, rows=self.rows)).see(values, self.rows)
        self.rows += table.num_rows
        self.bytes += table.nbytes
        for column in self.columns.values():
            column.nulls += self.rows - column.rows
            column.rows = self.rows
        self._keep(table)

    def leave_out(self, names: list[str]) -> None:
        """Drop columns from the table."""
        for name in names:
            del self.columns[name]

    def schema(self) -> pa.Schema:
        """One type for each column. Raises MixedColumnError."""
        return pa.schema([(name, column.unified(name)) for name, column in self.columns.items()])

    def tables(self) -> Iterator[pa.Table]:
        """The chunks in order, each with the whole table's columns and types."""
        schema = self.schema()
        if self._first is not None:
            yield _conformed(self._first, schema)
        for path in self._files:
            with pa.memory_map(str(path)) as source:
                yield _conformed(pa.ipc.open_file(source).read_all(), schema)

    def groups(self, rows: int) -> Iterator[pa.Table]:
        """The table in parts of so many rows, the last one the rest; one empty part for a table without rows."""
        held: list[pa.Table] = []
        count = 0
        for table in self.tables():
            start = 0
            while start < table.num_rows:
                piece = table.slice(start, rows - count)
                held.append(piece)
                start, count = start + piece.num_rows, count + piece.num_rows
                if count == rows:
                    yield pa.concat_tables(held)
                    held, count = [], 0
        if held or not self.rows:
            yield pa.concat_tables(held) if held else self.schema().empty_table()

    def frames(self, *, nullable: bool = False) -> Iterator[pd.DataFrame]:
        """The chunks as frames whose dtypes are the same from the first to the last; see `frame_of`."""
        known = self.known
        for table in self.tables():
            yield frame_of(table, known, nullable=nullable)

    @property
    def known(self) -> dict[str, Known]:
        """What the chunks so far say of each column."""
        return {name: Known(column.nulls > 0, column.wide_integers) for name, column in self.columns.items()}

    def _keep(self, table: pa.Table) -> None:
        if self._first is None and not self._files:
            self._first = table
            return
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="millrace-read-")
        for waiting in (self._first, table):
            if waiting is not None:
                self._write(waiting)
        self._first = None

    def _write(self, table: pa.Table) -> None:
        assert self._folder is not None  # noqa: S101 - made by _keep
        path = Path(self._folder.name) / f"{len(self._files):06d}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        self._files.append(path)


@contextmanager
def spooled(frames: Iterable[pd.DataFrame], refused: Callable[[str, Any, Any], Exception]) -> Iterator[Spool]:
    """The frames of one table in a spool.

    Where a column is of two kinds, raises what `refused` makes of its name and two unlike values.
    """
    with Spool() as spool:
        try:
            for frame in frames:
                spool.add(arrow_table(frame))
            spool.schema()
        except MixedColumnError as error:
            (_, value), (_, other) = error.values
            raise refused(error.column, value, other) from error
        yield spool


def _conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    # A dict, since a look-up by name in an Arrow table walks over all of its columns.
    found = dict(zip(table.column_names, table.columns, strict=True))
    columns = [
        pc.cast(found[name], kind, safe=False)
        if name in found and kind != pa.null()
        else pa.nulls(table.num_rows, kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return pa.table(columns, schema=schema)
