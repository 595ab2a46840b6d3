"""Remembers answers by model version and row, in this process: least recently used first out, and none for too long.

Made for the event loop: a look costs about a microsecond, and nothing is locked. Who asks decides what is remembered;
what an answer is, is not known here.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Columns = dict[str, Any]
ENTRY_BYTES = 250
"""What an entry costs beside its key and its answer, as measured."""
_DOUBLE = np.dtype(np.float64)
_PLAIN, _WITH_PROBABILITIES = b"-", b"p"
_ABSENT, _TEXT = b"\x00", b"\x01"


class AnswerCache:
    """Answers by key, within bounds of number and memory."""

    def __init__(self, most_entries: int, most_bytes: int) -> None:
        self._most_entries, self._most_bytes = most_entries, most_bytes
        self._entries: OrderedDict[bytes, tuple[float, int, Any]] = OrderedDict()
        self.bytes = 0
        """About how much memory the entries take."""
        self.hits: Counter[str] = Counter()
        self.misses: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_on(self) -> bool:
        """Whether anything is ever remembered."""
        return self._most_entries > 0 and self._most_bytes > 0

    def get(self, name: str, key: bytes) -> Any | None:
        """The answer that is remembered, or None; counted as a hit or a miss of this model."""
        entry = self._entries.get(key)
        if entry is None or entry[0] <= time.monotonic():
            self.misses[name] += 1
            return None
        self._entries.move_to_end(key)
        self.hits[name] += 1
        return entry[2]

    def found_elsewhere(self, name: str) -> None:
        """Count the last miss of this model as a hit after all."""
        self.misses[name] -= 1
        self.hits[name] += 1

    def put(self, key: bytes, answer: Any, seconds: float, size: int) -> None:
        """Remember an answer of about `size` bytes for so long; what was used least recently makes room."""
        size += ENTRY_BYTES + len(key)
        if seconds <= 0 or size > self._most_bytes or not self._most_entries:
            return
        before = self._entries.pop(key, None)
        if before is not None:
            self.bytes -= before[1]
        self._entries[key] = (time.monotonic() + seconds, size, answer)
        self.bytes += size
        while self.bytes > self._most_bytes or len(self._entries) > self._most_entries:
            self.bytes -= self._entries.popitem(last=False)[1][1]


def row_keys(stamp: bytes, columns: Columns, *, probabilities: Sequence[bool]) -> list[bytes]:
    """The key of each row in the columns of a signature: equal rows of one version, and no others, have equal keys.

    `stamp` stands for the version; `probabilities` says for each row whether they are wanted. Numbers count by their
    bits, so a missing one equals a missing one.
    """
    plain, with_probabilities = stamp + _PLAIN, stamp + _WITH_PROBABILITIES
    marks = [with_probabilities if wanted else plain for wanted in probabilities]
    return [mark + row for mark, row in zip(marks, _rows(list(columns.values())), strict=True)]


def _rows(columns: list[npt.NDArray[Any]]) -> Iterable[bytes]:
    """The bytes of each row."""
    if all(column.dtype is _DOUBLE for column in columns):
        table = np.concatenate(columns).reshape(len(columns), -1)
        return _cut(table.T.tobytes(), 8 * len(columns))
    return map(b"".join, zip(*map(_cells, columns), strict=True))


def _cells(column: npt.NDArray[Any]) -> list[bytes]:
    """A column's values; each of a fixed length or with its length before it, so that joined ones stay apart."""
    if column.dtype.kind != "O":
        return _cut(column.tobytes(), column.itemsize)
    return [_text(value) for value in column.tolist()]


def _text(value: str | None) -> bytes:
    if value is None:
        return _ABSENT
    text = value.encode("utf-8", "surrogatepass")
    return _TEXT + len(text).to_bytes(4, "little") + text


def _cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]
