"""A file of rows as columns for a model: part by part, with one count of rows over all parts."""

from __future__ import annotations

import io
from collections.abc import Generator
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from serving.failures import TooLargeError
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.tables.base import TableFormat

if TYPE_CHECKING:
    from serving.runtime.predictors.base import Columns


def decoded_parts(
    form: TableFormat, source: IO[bytes], model: LoadedModel, *, rows: int, most: int, ignore_unknown: bool
) -> Generator[Columns]:
    """The parts of a file, each of at most `rows` rows. Raises MalformedBodyError, TooLargeError or RequestError."""
    first = 0
    for given, count in form.read(source, model.signature, rows):
        if first + count > most:
            raise TooLargeError(
                f"The table has more than {most:,} rows, which is the most that is taken at a time.",
                hint="Send it in parts; larger tables go to /predict/file.",
            )
        yield model.codec.decode_columns(given, count, ignore_unknown=ignore_unknown, first_row=first)
        first += count


def decoded_whole(form: TableFormat, body: bytes, model: LoadedModel, *, most: int, ignore_unknown: bool) -> Columns:
    """All rows of a small file at once."""
    parts: list[dict[str, Any]] = list(
        decoded_parts(form, io.BytesIO(body), model, rows=most + 1, most=most, ignore_unknown=ignore_unknown)
    )
    return parts[0] if len(parts) == 1 else {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
