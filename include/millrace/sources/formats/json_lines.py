"""Reads JSON: one object a line, or an array of objects, or an object that holds such an array under a key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from millrace.errors import SourceError, did_you_mean
from millrace.sources.base import Reading
from millrace.sources.formats.checks import check_named_columns
from millrace.sources.formats.encoding import encoding_of
from millrace.sources.formats.opening import TableFile
from millrace.sources.options import Kind
from millrace.sources.records import flat, frames_of_records

if TYPE_CHECKING:
    import pandas as pd

_CHUNK_ROWS = 50_000
"""Records are dicts on their way in, which take far more room than columns."""


def read_json(file: TableFile, reading: Reading) -> Iterator[pd.DataFrame]:
    """Yield the records in frames of one schema. Raises SourceError."""
    encoding = encoding_of(file.path, file.options.encoding, file.shown)
    seen: set[str] = set()
    records = (_chosen(flat(record), file, seen) for record in _records(file, encoding))
    rows = min(reading.chunk_rows, _CHUNK_ROWS)
    empty = True
    mend = "Set read: {{dtype: {{{column}: str}}}}, or mend the file."
    for frame in frames_of_records(records, rows, file.shown, lambda column: mend.format(column=column)):
        if empty and len(frame):
            check_named_columns(sorted(seen), file)
        empty = False
        yield frame
    if empty:
        raise SourceError(f"{file.shown} holds no records.", hint="Export the table again.")


def _records(file: TableFile, encoding: str) -> Iterator[dict[str, Any]]:
    with file.path.open(encoding=encoding) as stream:
        start = stream.read(1)
        while start.isspace():
            start = stream.read(1)
    if start == "[" or file.options.records is not None:
        yield from _whole(file, encoding)
    else:
        yield from _lines(file, encoding)


def _lines(file: TableFile, encoding: str) -> Iterator[dict[str, Any]]:
    with file.path.open(encoding=encoding) as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except RecursionError as error:
                raise _too_deep(f"Line {number} of {file.shown}") from error
            except json.JSONDecodeError as error:
                raise SourceError(
                    f"Line {number} of {file.shown} is not a JSON object: {error.msg} (column {error.colno}).",
                    hint="Write one object a line, or an array of objects; or name their key by read: {records: …}.",
                ) from error
            yield _object(record, f"Line {number}", file)


def _whole(file: TableFile, encoding: str) -> Iterator[dict[str, Any]]:
    try:
        document = json.loads(file.path.read_text(encoding=encoding))
    except RecursionError as error:
        raise _too_deep(file.shown) from error
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{file.shown} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            hint="Fetch or export it again.",
        ) from error
    for number, record in enumerate(_array(document, file), start=1):
        yield _object(record, f"Item {number}", file)


def _too_deep(where: str) -> SourceError:
    return SourceError(f"{where} is nested too deeply to be read.", hint="Write one flat object for each row.")


def _array(document: Any, file: TableFile) -> list[Any]:
    key = file.options.records
    if key is not None and isinstance(document, dict):
        if key not in document:
            raise SourceError(f"{file.shown} has no key '{key}'.", hint=did_you_mean(key, document))
        document = document[key]
    if not isinstance(document, list):
        raise SourceError(
            f"{file.shown} holds a JSON {type(document).__name__} where an array of objects is needed.",
            hint="Name the key that holds the rows by read: {records: …}.",
        )
    return document


def _object(record: Any, where: str, file: TableFile) -> dict[str, Any]:
    if isinstance(record, dict):
        return record
    raise SourceError(
        f"{where} of {file.shown} is a JSON {type(record).__name__}, not an object.",
        hint="Write one object for each row.",
    )


def _chosen(row: dict[str, Any], file: TableFile, seen: set[str]) -> dict[str, Any]:
    """The wanted columns of a row, in their declared kinds; the names of all of its columns are added to `seen`."""
    options = file.options
    seen.update(row)
    if options.columns is not None:
        row = {name: row.get(name) for name in options.columns}
    for name, kind in options.dtype.items():
        if row.get(name) is not None:
            row[name] = _converted(row[name], kind, name, file)
    return row


def _converted(value: Any, kind: Kind, name: str, file: TableFile) -> Any:
    try:
        return _CONVERT[kind](value)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise SourceError(
            f"Column '{name}' of {file.shown} holds {value!r}, which is no {kind}.",
            hint="Choose another kind under read: {dtype: …}.",
        ) from error


def _integer(value: Any) -> int:
    number = int(value)
    if number != float(value):
        raise ValueError("a fraction is no whole number")
    return number


def _truth(value: Any) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]


_CONVERT: dict[Kind, Callable[[Any], Any]] = {"str": str, "int": _integer, "float": float, "bool": _truth}
