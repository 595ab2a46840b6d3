"""Checks on a table's columns that several formats share: names, duplicates, and the columns that a spec names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from millrace.errors import SourceError, did_you_mean
from millrace.sources.base import Reading
from millrace.sources.formats.opening import TableFile
from millrace.sources.options import ReadOptions
from millrace.tables.spool import Spool

_SEPARATORS = {";": ";", "\t": "\\t", ",": ",", "|": "|"}
_UNNAMED = "Unnamed: "
_PANDAS = {"str": "str", "int": "Int64", "float": "float64", "bool": "boolean"}


def pandas_dtypes(options: ReadOptions) -> dict[str, Any]:
    """The dtypes of `read.dtype` in pandas' words; integers and booleans may be missing."""
    return {name: _PANDAS[kind] for name, kind in options.dtype.items()}


def column_names(first: Sequence[Any], options: ReadOptions) -> list[str]:
    """The names of the columns: those of the first row, or `read.names`, or `column_1` and so on."""
    if not options.header:
        names = options.names or [f"column_{i}" for i in range(1, len(first) + 1)]
    else:
        names = options.names or [_name(value, i) for i, value in enumerate(first)]
    if len(names) != len(first):
        raise SourceError(
            f"read.names lists {len(names)} names, but the first row has {len(first)} fields.",
            hint="Name every column.",
        )
    return names


def _name(value: Any, position: int) -> str:
    text = "" if value is None else str(value)
    return text if text.strip() else f"{_UNNAMED}{position}"


def drop_unnamed(spool: Spool, reading: Reading) -> None:
    """Leave out columns that have neither a name nor a value, as a trailing separator makes them."""
    empty = [n for n, column in spool.columns.items() if n.startswith(_UNNAMED) and column.nulls == spool.rows]
    if empty:
        spool.leave_out(empty)
        reading.note(f"{len(empty)} columns without a name and without a value were left out.")


def check_header(names: Sequence[str], sep: str, file: TableFile) -> None:
    """Refuse two columns of one name, and a header that was read with the wrong separator."""
    if len(names) == 1:
        for other, written in _SEPARATORS.items():
            if other != sep and other in names[0]:
                raise SourceError(
                    f"{file.shown} was read as a single column named '{_short(names[0])}'.",
                    hint=f"Its separator seems to be '{written}': set read: {{sep: \"{written}\"}}.",
                )
    check_unique(names, file.shown)


def check_unique(names: Sequence[Any], shown: str) -> None:
    """Refuse two columns of one name."""
    twice = [str(name) for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        raise SourceError(
            f"{shown} has more than one column named '{twice[0]}'.",
            hint="Give each column a name of its own: in the file, by an alias in the query, or by read.names.",
        )


def check_named_columns(names: Sequence[str], file: TableFile) -> None:
    """Refuse options that name a column which the table does not have."""
    options = file.options
    by_column = options.na_values if isinstance(options.na_values, dict) else {}
    named: dict[str, Iterable[str]] = {
        "columns": options.columns or [],
        "dtype": options.dtype,
        "units": options.units,
        "na_values": by_column,
    }
    for option, wanted in named.items():
        for column in wanted:
            if column not in names:
                raise SourceError(
                    f"read.{option} names the column '{column}', which {file.shown} does not have.",
                    hint=did_you_mean(column, names),
                )


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
