"""Reads one table from one or several local files of any format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from millrace.errors import SourceError
from millrace.sources.base import Reading
from millrace.sources.formats.opening import TableFile, opened
from millrace.sources.options import FormatName

if TYPE_CHECKING:
    import pandas as pd

_READERS: dict[FormatName, str] = {
    "csv": "delimited.read_delimited",
    "tsv": "delimited.read_delimited",
    "excel": "excel.read_excel",
    "parquet": "parquet.read_parquet",
    "json": "json_lines.read_json",
}


def read_file(file: TableFile, reading: Reading, max_bytes: int | None = None) -> Iterator[pd.DataFrame]:
    """Yield the table of one file in frames of one schema. Raises SourceError."""
    module, function = _READERS[file.form].split(".")
    # Imported late: a spec that reads CSV needs neither openpyxl nor pyarrow's Parquet.
    reader: Callable[[TableFile, Reading], Any] = getattr(import_module(f"millrace.sources.formats.{module}"), function)
    with opened(file, max_bytes) as ready:
        yield from reader(ready, reading)


def read_files(files: Sequence[TableFile], reading: Reading, max_bytes: int | None = None) -> Iterator[pd.DataFrame]:
    """Yield the tables of several files, one after the other; they must have the same columns."""
    if len(files) == 1:
        yield from read_file(files[0], reading, max_bytes)
        return
    from millrace.sources.records import mixed_error
    from millrace.tables.arrow_types import MixedColumnError, arrow_table
    from millrace.tables.spool import Spool

    with Spool() as spool:
        for file in files:
            for frame in read_file(file, reading, max_bytes):
                _check_same_columns(list(spool.columns), frame, file, files[0])
                spool.add(arrow_table(frame))
        try:
            yield from spool.frames()
        except MixedColumnError as error:
            hint = f"Set read: {{dtype: {{{error.column}: str}}}}."
            raise mixed_error(error, f"the {len(files)} files", hint) from error


def _check_same_columns(known: list[str], frame: pd.DataFrame, file: TableFile, first: TableFile) -> None:
    found = {str(name) for name in frame.columns}
    if known and found != set(known):
        odd = sorted(found ^ set(known))[0]
        owner, other = (file, first) if odd in found else (first, file)
        raise SourceError(
            f"{owner.shown} has the column '{odd}', which {other.shown} does not have.",
            hint="Files that are read together must have the same columns.",
        )
