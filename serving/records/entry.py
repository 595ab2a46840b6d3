"""Predictions as they stand in the spool: the rows that were answered together, by columns.

Written on the hot path, so nothing is turned into an object for each value; what MongoDB keeps is made later, in
`buckets`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

MASK = "***"
Column = bytes | str | list[Any]
"""float64 as bytes, little-endian; a mask; or a list of values."""


class Entry(msgspec.Struct, array_like=True, gc=False):
    """Rows that one version answered at one moment.

    The rows of several requests, one each; or all rows of one request: then the lists about requests hold one item.
    """

    model: str
    version: str
    variant: str
    at: float
    """Seconds since 1970."""
    request_ids: list[str]
    callers: list[str]
    keys: list[str | None]
    latencies_ms: list[float]
    columns: dict[str, Any]
    """Each a Column, which msgspec cannot spell as a type."""
    outputs: list[Any]

    @property
    def is_batch(self) -> bool:
        """Whether the rows came in one request."""
        return len(self.request_ids) == 1 and len(self.outputs) > 1


class Mask:
    """The input columns whose values are not kept: `column` for every model, `model/column` for one."""

    def __init__(self, columns: str) -> None:
        names = [name.strip() for name in columns.split(",") if name.strip()]
        self._everywhere = frozenset(name for name in names if "/" not in name)
        self._own = frozenset(name for name in names if "/" in name)

    def hides(self, model: str, column: str) -> bool:
        """Whether a column's values are not kept."""
        return column in self._everywhere or (bool(self._own) and f"{model}/{column}" in self._own)


NOTHING_MASKED = Mask("")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


def packed(columns: Mapping[str, npt.NDArray[Any]], model: str = "", mask: Mask = NOTHING_MASKED) -> dict[str, Column]:
    """Columns as an entry holds them."""
    return {name: MASK if mask.hides(model, name) else _packed(column) for name, column in columns.items()}


def _packed(column: npt.NDArray[Any]) -> Column:
    if column.dtype == np.float64:
        return column.tobytes()
    if column.dtype.kind == "M":  # BSON keeps milliseconds
        return [time and time.replace(tzinfo=UTC) for time in column.astype("datetime64[ms]").tolist()]
    found: list[Any] = column.tolist()
    return found


def listed(column: Column, rows: int) -> list[Any]:
    """The values of a column, with None for what is missing."""
    if isinstance(column, bytes):
        numbers = np.frombuffer(column, "<f8")
        found: list[Any] = numbers.tolist()
        for place in np.flatnonzero(np.isnan(numbers)).tolist():
            found[place] = None
        return found
    return [column] * rows if isinstance(column, str) else column


def chosen(entry: Entry, places: Sequence[int]) -> Entry:
    """The entry with these of its rows only, which are those of several requests."""

    def of(values: list[Any]) -> list[Any]:
        return [values[place] for place in places]

    columns: dict[str, Column] = {
        name: column if isinstance(column, str) else of(listed(column, len(entry.outputs)))
        for name, column in entry.columns.items()
    }
    return msgspec.structs.replace(
        entry,
        request_ids=of(entry.request_ids),
        callers=of(entry.callers),
        keys=of(entry.keys),
        latencies_ms=of(entry.latencies_ms),
        columns=columns,
        outputs=of(entry.outputs),
    )


def encoded(entry: Entry) -> bytes:
    """An entry as the spool keeps it (MessagePack)."""
    try:
        return _encode(entry)
    except (TypeError, OverflowError, UnicodeError):
        columns = {name: _plain(column) for name, column in entry.columns.items()}
        return _encode(msgspec.structs.replace(entry, columns=columns, outputs=_plain(entry.outputs)))


def decoded(record: bytes) -> Entry:
    """The entry of a record. Raises msgspec.MsgspecError or ValueError."""
    return _decode(record)


def _plain(value: Any) -> Any:
    """What MessagePack and BSON can hold: whole numbers beyond 64 bits and halves of surrogate pairs may be sent."""
    kind = type(value)
    if kind is str:
        return value.encode("utf-8", "replace").decode()
    if kind is int:
        return value if -(2**63) <= value < 2**63 else float(value) if abs(value) < 2**1000 else str(value)
    if kind is dict:
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if kind in {list, tuple}:
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
