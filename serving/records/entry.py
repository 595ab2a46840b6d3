"""One prediction as a document: its id, its form in the spool, its rows, and what is hidden of it."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import bson
import bson.errors
from bson.raw_bson import RawBSONDocument

if TYPE_CHECKING:
    import numpy.typing as npt

ROW, BATCH = b"r", b"b"
MASK = "***"
Entry = dict[str, Any]


class Ids:
    """Ids that no other process and no other start gives again, so that a replay finds its own records."""

    def __init__(self) -> None:
        self._start = uuid.uuid4().hex[:20]
        self._numbers = itertools.count()

    def next(self) -> str:
        """A new id."""
        return f"{self._start}-{next(self._numbers):x}"


class Mask:
    """The input columns whose values are not kept: `column` for every model, `model/column` for one."""

    def __init__(self, columns: str) -> None:
        names = [name.strip() for name in columns.split(",") if name.strip()]
        self._everywhere = frozenset(name for name in names if "/" not in name)
        self._own = frozenset(name for name in names if "/" in name)

    def of(self, model: str, features: Mapping[str, Any]) -> dict[str, Any]:
        """The features with a mask in place of what is hidden."""
        if not self._everywhere and not self._own:
            return dict(features)
        return {name: MASK if self._hides(model, name) else value for name, value in features.items()}

    def _hides(self, model: str, column: str) -> bool:
        return column in self._everywhere or f"{model}/{column}" in self._own


def entry_of(columns: Mapping[str, npt.NDArray[Any]], values: list[Any], about: Entry) -> Entry:
    """The entry of one request: a row by itself, or a batch by columns. `about` has `request_id`, `model` and more."""
    if len(values) == 1:
        return {**about, "features": {name: _first(column) for name, column in columns.items()}, "output": values[0]}
    # A batch stays in columns until it is delivered: the answer need not wait for a thousand small objects.
    return {**about, "columns": {name: _listed(column) for name, column in columns.items()}, "outputs": values}


def _first(column: npt.NDArray[Any]) -> Any:
    if column.dtype.kind not in "fO":
        return _listed(column)[0]
    value = column.item(0)
    return None if value != value else value  # noqa: PLR0124 - NaN


def _listed(column: npt.NDArray[Any]) -> list[Any]:
    """A column as it is recorded: numbers, texts, times, and None for what is missing."""
    if column.dtype.kind == "M":  # BSON keeps milliseconds
        return [time and time.replace(tzinfo=UTC) for time in column.astype("datetime64[ms]").tolist()]
    found: list[Any] = column.tolist()
    if column.dtype.kind == "f" and bool((column != column).any()):  # noqa: PLR0124 - NaN
        return [None if number != number else number for number in found]  # noqa: PLR0124
    return found


def encoded(entry: Entry) -> bytes:
    """An entry as the spool keeps it. A batch has `columns`, each a list or a mask, and `outputs`."""
    kind = BATCH if "outputs" in entry else ROW
    try:
        return kind + bson.encode(entry)
    except (bson.errors.BSONError, OverflowError, UnicodeError):
        return kind + bson.encode(_plain(entry))


def documents(kind: bytes, content: bytes) -> Iterator[RawBSONDocument | Entry]:
    """The documents for MongoDB that a spooled record holds: one for each row."""
    if kind == ROW:
        yield RawBSONDocument(content)  # goes to MongoDB as it is: nothing is decoded
        return
    shared: Entry = bson.decode(content, bson.CodecOptions(tz_aware=True, tzinfo=UTC))
    identity, columns, outputs = shared.pop("_id"), shared.pop("columns"), shared.pop("outputs")
    for number, output in enumerate(outputs):
        features = {name: values if values == MASK else values[number] for name, values in columns.items()}
        yield {"_id": f"{identity}/{number}", **shared, "features": features, "output": output, "row": number}


def _plain(value: Any) -> Any:
    """What BSON can hold: numpy's scalars and times, and whole numbers beyond 64 bits, which a caller may send."""
    kind = type(value)
    if kind in {float, bool, type(None), bytes, datetime}:
        return value
    if kind is str:
        return _text(value)
    if kind is int:
        return value if -(2**63) <= value < 2**63 else float(value) if abs(value) < 2**1000 else str(value)
    if kind is dict:
        return {_text(str(key)).replace("\0", ""): _plain(item) for key, item in value.items()}
    if kind in {list, tuple}:
        return [_plain(item) for item in value]
    return _of_numpy(value)


def _text(value: str) -> str:
    """Text without halves of surrogate pairs, which JSON may hold and UTF-8 cannot."""
    return value.encode("utf-8", "replace").decode()


def _of_numpy(value: Any) -> Any:
    if type(value).__name__ == "datetime64":
        return str(value)
    plain = value.tolist() if hasattr(value, "tolist") else str(value)
    return _plain(plain) if type(plain) is not type(value) else str(value)
