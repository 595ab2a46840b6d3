"""Tables as MLflow's scoring server takes them, and as CSV: to columns of JSON values. Knows nothing of HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from millrace.errors import RequestError
from serving.failures import MalformedBodyError
from serving.runtime.kinds import Kind
from serving.runtime.signature import Signature

Table = tuple[dict[str, list[Any]], int]
"""Columns, and the number of rows."""


def frame_of(document: Any, signature: Signature) -> Table:
    """The table of a JSON document with one of the formats' keys. Raises RequestError."""
    found = [key for key in document if key in FORMATS] if type(document) is dict else []
    if len(found) != 1 or set(document) - {*FORMATS, "params"}:
        raise RequestError(
            "The body is none of MLflow's formats.", hint=f"Send an object with one of the keys {', '.join(FORMATS)}."
        )
    if document.get("params"):
        raise RequestError("The model takes no 'params'.", hint="Leave them out.")
    return FORMATS[found[0]](document[found[0]], signature)


def _split(value: Any, signature: Signature) -> Table:
    if type(value) is not dict or type(value.get("data")) is not list:
        raise RequestError("'dataframe_split' has no 'data'.", hint='Send {"columns": [...], "data": [[...], ...]}.')
    names = value.get("columns") or [field.name for field in signature.fields]
    return _from_lists(value["data"], [str(name) for name in names])


def _records(value: Any, signature: Signature) -> Table:
    if type(value) is not list or not value:
        raise RequestError("There are no rows.", hint="Send a list with at least one row.")
    if not all(type(row) is dict for row in value):
        return _from_lists(value, [field.name for field in signature.fields])
    names = dict.fromkeys(name for row in value for name in row)
    return {name: [row.get(name) for row in value] for name in names}, len(value)


def _inputs(value: Any, signature: Signature) -> Table:
    """Columns by name, a list of rows, or one row by name."""
    if type(value) is not dict:
        return _records(value, signature)
    columns = {name: column if type(column) is list else [column] for name, column in value.items()}
    columns = {n: [v[0] if type(v) is list and len(v) == 1 else v for v in column] for n, column in columns.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    rows = max(lengths.values(), default=0)
    if rows == 0 or min(lengths.values()) < rows:
        raise RequestError(f"The columns are of different or no length: {str(lengths)[:200]}.")
    return columns, rows


def _from_lists(rows: list[Any], names: Sequence[str]) -> Table:
    _check_names(names)
    for index, row in enumerate(rows):
        if type(row) is not list or len(row) != len(names):
            raise RequestError(f"Row {index} (counted from 0) is no list of {len(names)} values.")
    if not rows:
        raise RequestError("There are no rows.", hint="Send at least one.")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}, len(rows)


FORMATS: dict[str, Callable[[Any, Signature], Table]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "inputs": _inputs,
    "instances": _inputs,
}
"""MLflow's formats by the key that names them."""


def csv_of(body: bytes, signature: Signature) -> Table:
    """The table of a CSV file with a header: an empty cell is null, and a cell is read as its field's kind.

    Raises MalformedBodyError or RequestError.
    """
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if line]
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"The body is not UTF-8: byte {error.start} cannot be read.") from None
    except csv.Error as error:
        raise MalformedBodyError(f"The body is no CSV: {error}.") from None
    if len(lines) < 2:
        raise MalformedBodyError("The CSV has no rows.", hint="Send a header of field names, and a line for each row.")
    columns, rows = _from_lists(lines[1:], lines[0])
    kinds = {field.name: field.kind for field in signature.fields}
    return {name: [_cell(cell, kinds.get(name)) for cell in column] for name, column in columns.items()}, rows


def _cell(text: str, kind: Kind | None) -> Any:
    """A cell as the JSON value that it stands for; what does not fit stays text, for the codec to refuse."""
    if text == "":
        return None
    if kind is None or kind.wire is str:
        return text
    if kind.wire is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return float(text)
    except ValueError:
        return text


def _check_names(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise RequestError(f"The column '{max(names, key=list(names).count)}' stands twice.")
