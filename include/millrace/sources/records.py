"""Turns records (dicts of JSON or MongoDB) into flat, consistently typed frames.

A nested object becomes columns `a.b`; a list becomes JSON text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from millrace.errors import SourceError
from millrace.tables.arrow_types import MixedColumnError, arrow_column, json_text
from millrace.tables.spool import Spool

if TYPE_CHECKING:
    import pandas as pd


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The record with nested objects as dotted keys and lists as JSON text."""
    row: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found = flat(value, f"{name}.")
            _refuse_twice(row.keys() & found.keys())
            row.update(found)
        else:
            if name in row:
                _refuse_twice({name})
            row[name] = _leaf(value) if isinstance(value, str | list) else value
    return row


def _refuse_twice(names: set[str]) -> None:
    if names:
        raise SourceError(
            f"A record has the column '{min(names)}' twice: as a key with a point, and as a key of an object.",
            hint="Rename one of them at the source.",
        )


def _leaf(value: Any) -> Any:
    if isinstance(value, str):  # half of a surrogate pair is no text that any file or database could keep
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json_text(value) if isinstance(value, list) else value


def frames_of_records(
    records: Iterable[Mapping[str, Any]], rows: int, shown: str, mend: Callable[[str], str]
) -> Iterator[pd.DataFrame]:
    """Frames of one schema for a stream of records. Raises SourceError for a column of two kinds."""
    stream = iter(records)
    with Spool() as spool:
        try:
            while chunk := [flat(record) for record in islice(stream, rows)]:
                try:
                    spool.add(table_of_rows(chunk))
                except MixedColumnError as error:
                    moved = [(row + spool.rows, value) for row, value in error.values]
                    raise MixedColumnError(error.column, moved) from error
            yield from spool.frames()
        except MixedColumnError as error:
            raise mixed_error(error, shown, mend(error.column)) from error


def table_of_rows(rows: list[dict[str, Any]]) -> pa.Table:
    """An Arrow table of flat rows; a key that a row lacks is null. Raises MixedColumnError."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table([arrow_column([row.get(name) for row in rows], name) for name in names], names=names)


def mixed_error(error: MixedColumnError, shown: str, mend: str) -> SourceError:
    """The error of a column with values of two kinds, naming one of each and its row."""
    (row, value), (other_row, other) = error.values
    return SourceError(
        f"Column '{error.column}' of {shown} holds {value!r} in row {row + 1} and {other!r} in row {other_row + 1}.",
        hint=mend,
    )
