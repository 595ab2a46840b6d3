"""Predictions as a table, and as the bytes of a file: whole, or growing part by part."""

from __future__ import annotations

import io
from typing import Any

from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.tables.base import TableFormat, Writer


def table_of(model: LoadedModel, found: Predictions, ids: list[str] | None = None) -> Any:
    """`prediction`, or a column for each target; `confidence`; `probability_<class>` and ids where they are wanted."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    if found.values and isinstance(found.values[0], dict):
        columns.update({name: [value[name] for value in found.values] for name in found.values[0]})
    else:
        columns["prediction"] = found.values
    if found.confidences is not None:
        columns["confidence"] = found.confidences
    if found.probabilities is not None:
        for label in found.probabilities[0]:
            columns[f"probability_{label}"] = [shares[label] for shares in found.probabilities]
    if ids is not None:
        columns["prediction_id"] = ids
    about = {"millrace.model": model.name, "millrace.model_version": model.version.version}
    return pa.table(columns).replace_schema_metadata(about)


class AnswerFile:
    """A file of answers that is taken away as it grows, so that it never is in memory as a whole."""

    def __init__(self, form: TableFormat) -> None:
        self._form = form
        self._sink = _Sink()
        self._writer: Writer | None = None
        self._schema: Any = None

    def add(self, table: Any) -> bytes:
        """The bytes that the file has gained by this table; the first table decides the schema."""
        if self._writer is None:
            self._schema = table.schema
            self._writer = self._form.writer(self._sink, table.schema)
        self._writer.write(table.cast(self._schema))
        return self._sink.taken()

    def end(self) -> bytes:
        """The file's last bytes."""
        if self._writer is not None:
            self._writer.close()
        return self._sink.taken()


def file_of(form: TableFormat, table: Any) -> bytes:
    """A table as a whole file."""
    file = AnswerFile(form)
    return file.add(table) + file.end()


class _Sink(io.RawIOBase):
    """What pyarrow writes into; it knows how much has been written, and keeps only what nobody has taken."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, piece: Any) -> int:
        self._waiting += piece
        self._written += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What has been written since it was last asked."""
        found, self._waiting = bytes(self._waiting), bytearray()
        return found
