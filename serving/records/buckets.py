"""The documents that MongoDB keeps of predictions: some hundred rows of one version in each, by columns.

One document a row would cost MongoDB more than the prediction costs the service (the bucket pattern: MongoDB manual,
"Group Data with the Bucket Pattern"). The same file gives the same documents with the same ids whenever it is read, so
that one delivered twice is kept once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
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


@dataclass
class _Bucket:
    """Rows of one version on their way into one document."""

    first: Entry
    bytes: int = 0
    times: list[datetime] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    features: dict[str, list[Any]] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)

    def takes(self, entry: Entry, size: int) -> bool:
        """Whether an entry's rows may stand here too."""
        return (
            len(self.outputs) + len(entry.outputs) <= MOST_ROWS
            and self.bytes + size <= MOST_BYTES
            and abs(entry.at - self.first.at) <= MOST_SECONDS
        )

    def add(self, entry: Entry, size: int, start: int = 0, stop: int | None = None) -> None:
        """Add an entry's rows from `start` to `stop`."""
        place = slice(start, stop)
        outputs = entry.outputs[place]
        count = len(outputs)
        self.bytes += size
        self.outputs += outputs
        self.times += [datetime.fromtimestamp(entry.at, UTC)] * count
        self.rows += range(start, start + count) if entry.is_batch else [0] * count
        repeated = count if entry.is_batch else 1
        about = slice(None) if entry.is_batch else place
        self.request_ids += entry.request_ids[about] * repeated
        self.callers += entry.callers[about] * repeated
        self.keys += entry.keys[about] * repeated
        self.latency_ms += entry.latencies_ms[about] * repeated
        for name, column in entry.columns.items():
            values = column if isinstance(column, str) else listed(column, count)[place]
            self.features.setdefault(name, []).extend([values] * count if isinstance(values, str) else values)

    def document(self, identity: str) -> dict[str, Any]:
        """The document."""
        found: dict[str, Any] = {
            "_id": identity,
            "model": self.first.model,
            "version": self.first.version,
            "variant": self.first.variant,
            "at": min(self.times),
            "until": max(self.times),
            "count": len(self.outputs),
            "times": self.times,
            "request_ids": self.request_ids,
            "rows": self.rows,
            "callers": self.callers,
            "latency_ms": self.latency_ms,
            "features": {name.replace("\0", ""): values for name, values in self.features.items()},
            "outputs": self.outputs,
        }
        if any(key is not None for key in self.keys):
            found["keys"] = self.keys
        given = sorted({identity for identity in self.request_ids if not _made_here(identity, self.first.at)})
        return found | ({"given_ids": given} if given else {})


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
    for last in open_buckets.values():
        if last.outputs:
            yield last.document(f"{name}/{number}")
            number += 1


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
