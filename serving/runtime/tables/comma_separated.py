"""CSV with a header: an empty cell is null, and a cell is read as its field's kind."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from millrace.errors import RequestError
from millrace.inputs.kinds import Kind
from millrace.inputs.signature import Signature
from serving.failures import MalformedBodyError
from serving.runtime.tables.base import Table, TableFormat, Writer

if TYPE_CHECKING:
    from serving.runtime.codec import GivenColumn

_HINT = "Send a header of field names, and a line for each row."


def read(source: IO[bytes], signature: Signature, rows: int) -> Iterator[Table]:
    """The parts of a CSV file."""
    text = io.TextIOWrapper(source, "utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    try:
        yield from _parts((line for line in reader if line), signature, rows)
    except UnicodeDecodeError:
        raise MalformedBodyError(f"The body is not UTF-8: it cannot be read after line {reader.line_num}.") from None
    except csv.Error as error:
        raise MalformedBodyError(f"The body is no CSV: {error} (line {reader.line_num}).") from None
    finally:
        text.detach()  # the file is its giver's to close


def _parts(lines: Iterator[list[str]], signature: Signature, rows: int) -> Iterator[Table]:
    names = next(lines, [])
    check_names(names)
    kinds = {field.name: field.kind for field in signature.fields}
    first = 0
    while part := list(islice(lines, rows)):
        columns = from_lists(part, names, first)
        yield {name: _cells(column, kinds.get(name)) for name, column in columns.items()}, len(part)
        first += len(part)
    if first == 0:
        raise MalformedBodyError("The CSV has no rows.", hint=_HINT)


def _cells(column: list[str], kind: Kind | None) -> GivenColumn:
    """Cells as the codec takes them: numbers at once, else JSON values; what does not fit stays text, to be refused."""
    if kind is not None and kind.wire is float:
        try:
            numbers = list(map(float, column))
        except ValueError:
            pass  # a gap, or something that is no number: each by itself
        else:
            taken = kind.typed(np.array(numbers))
            return numbers if taken is None else taken
    return [_cell(cell, kind) for cell in column]


def _cell(text: str, kind: Kind | None) -> Any:
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


def check_names(names: Sequence[str]) -> None:
    """Raise RequestError where a column stands twice."""
    if len(set(names)) < len(names):
        raise RequestError(f"The column '{max(names, key=list(names).count)}' stands twice.")


def from_lists(rows: list[Any], names: Sequence[str], first: int = 0) -> dict[str, list[Any]]:
    """Rows of values as columns; `first` is the number of the first row. Raises RequestError."""
    for index, row in enumerate(rows, start=first):
        if type(row) is not list or len(row) != len(names):
            raise RequestError(f"Row {index} (counted from 0) is no list of {len(names)} values.")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _writer(sink: Any, schema: Any) -> Writer:
    from pyarrow.csv import CSVWriter

    writer: Writer = CSVWriter(sink, schema)
    return writer


CSV = TableFormat(
    "text/csv",
    (),
    read,
    _writer,
    {"type": "string", "description": "A header of field names, and a line for each row."},
)
