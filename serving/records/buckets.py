"""The documents that MongoDB keeps of predictions: some hundred rows of one version in each, by columns.

One document a row would cost MongoDB more than the prediction costs the service (the bucket pattern: MongoDB manual,
"Group Data with the Bucket Pattern"). The same file gives the same documents with the same ids whenever it is read, so
that one delivered twice is kept once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from serving.ids import time_of
from serving.records.entry import Entry, listed

MOST_ROWS = 500
MOST_BYTES = 4_000_000
"""Of records as they stood in the spool; MongoDB takes documents of 16 MiB."""
MOST_SECONDS = 60.0
"""Between a bucket's first and last row: a row is found by its time."""
_EARLY, _LATE = 120.0, 1.0


class _Bucket:
    """Rows of one version on their way into one document."""

    def __init__(self, first: Entry) -> None:
        self.first = first
        self._parts: list[tuple[Entry, slice, int]] = []
        self._rows = self._bytes = 0

    def takes(self, entry: Entry, size: int) -> bool:
        """Whether an entry's rows may stand here too."""
        return (
            self._rows + len(entry.outputs) <= MOST_ROWS
            and self._bytes + size <= MOST_BYTES
            and abs(entry.at - self.first.at) <= MOST_SECONDS
        )

    def add(self, entry: Entry, size: int, start: int = 0, stop: int | None = None) -> None:
        """Add an entry's rows from `start` to `stop`."""
        place = slice(start, stop)
        rows = len(range(len(entry.outputs))[place])
        self._parts.append((entry, place, rows))
        self._rows += rows
        self._bytes += size

    def document(self, identity: str) -> dict[str, Any]:
        """The document."""
        times = [time for entry, _, rows in self._parts for time in [_moment(entry.at)] * rows]
        ids, keys = self._about(lambda entry: entry.request_ids), self._about(lambda entry: entry.keys)
        found: dict[str, Any] = {
            "_id": identity,
            "model": self.first.model,
            "version": self.first.version,
            "variant": self.first.variant,
            "at": min(times),
            "until": max(times),
            "count": self._rows,
            "times": times,
            "request_ids": ids,
            "rows": [number for entry, place, rows in self._parts for number in _numbers(entry, place, rows)],
            "callers": self._about(lambda entry: entry.callers),
            "latency_ms": self._about(lambda entry: entry.latencies_ms),
            "features": {name.replace("\0", ""): self._column(name) for name in self.first.columns},
            "outputs": [output for entry, place, _ in self._parts for output in entry.outputs[place]],
        }
        if any(key is not None for key in keys):
            found["keys"] = keys
        given = sorted(one for one in set(ids) if not _made_here(one, self.first.at))
        return found | ({"given_ids": given} if given else {})

    def _about(self, of: Callable[[Entry], list[Any]]) -> list[Any]:
        """What is noted of each row's request."""
        found: list[Any] = []
        for entry, place, rows in self._parts:
            found += of(entry) * rows if entry.is_batch else of(entry)[place]
        return found

    def _column(self, name: str) -> list[Any]:
        columns = [entry.columns[name] for entry, _, _ in self._parts]
        if all(type(column) is bytes for column in columns):  # most often: one conversion for all
            sliced = (column[8 * place.start : place.stop and 8 * place.stop]
                      for column, (_, place, _) in zip(columns, self._parts, strict=True))  # fmt: skip
            return listed(b"".join(sliced), self._rows)
        found: list[Any] = []
        for column, (entry, place, _) in zip(columns, self._parts, strict=True):
            found += listed(column, len(entry.outputs))[place]
        return found


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _numbers(entry: Entry, place: slice, rows: int) -> Iterable[int]:
    """The places of the rows in their request."""
    return range(place.start, place.start + rows) if entry.is_batch else [0] * rows


def bucketed(name: str, entries: Iterable[tuple[Entry, int]]) -> Iterator[dict[str, Any]]:
    """The documents for the entries of one file, each with its size in the spool; `name` is the file's."""
    open_buckets: dict[tuple[Any, ...], _Bucket] = {}
    number = 0
    for entry, size in entries:
        kind = (entry.model, entry.version, entry.variant, *entry.columns)
        bucket = open_buckets.get(kind)
        if bucket is not None and not bucket.takes(entry, size):
            yield bucket.document(f"{name}/{number}")
            number, bucket = number + 1, None
        if bucket is not None:
            bucket.add(entry, size)
            continue
        for whole in _full_ones(entry, size):
            yield whole.document(f"{name}/{number}")
            number += 1
        open_buckets[kind] = _rest(entry, size)
    for number_of_last, last in enumerate(open_buckets.values(), number):
        yield last.document(f"{name}/{number_of_last}")


def _rows_of_a_bucket(entry: Entry, size: int) -> int:
    fits = MOST_BYTES * len(entry.outputs) // max(size, 1)
    return max(1, min(MOST_ROWS, fits))


def _full_ones(entry: Entry, size: int) -> Iterator[_Bucket]:
    """The buckets that a large batch fills by itself."""
    most, rows = _rows_of_a_bucket(entry, size), len(entry.outputs)
    for start in range(0, rows - most, most):
        bucket = _Bucket(entry)
        bucket.add(entry, 0, start, start + most)
        yield bucket


def _rest(entry: Entry, size: int) -> _Bucket:
    """The bucket that the last rows of an entry begin."""
    most, rows = _rows_of_a_bucket(entry, size), len(entry.outputs)
    start = max(0, (rows - 1) // most * most)
    bucket = _Bucket(entry)
    bucket.add(entry, size * (rows - start) // max(rows, 1), start)
    return bucket


def _made_here(identity: str, at: float) -> bool:
    """Whether the time in an id leads to the bucket; a caller may send an id of any form and time."""
    made = time_of(identity)
    return made is not None and at - _EARLY <= made <= at + MOST_SECONDS + _LATE
