"""Tables as MLflow's scoring server takes them as JSON: to columns of JSON values. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from millrace.errors import RequestError
from millrace.inputs.signature import Signature
from serving.runtime.tables.base import Table
from serving.runtime.tables.comma_separated import check_names, from_lists


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
    if type(names) is not list:
        raise RequestError("The 'columns' of 'dataframe_split' are no list of names.")
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
    return {**columns}, rows


def _from_lists(rows: list[Any], names: Sequence[str]) -> Table:
    check_names(names)
    if not rows:
        raise RequestError("There are no rows.", hint="Send at least one.")
    return {**from_lists(rows, names)}, len(rows)


FORMATS: dict[str, Callable[[Any, Signature], Table]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "inputs": _inputs,
    "instances": _inputs,
}
"""MLflow's formats by the key that names them."""
