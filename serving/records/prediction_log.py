"""Keeps every prediction: into the spool before the answer goes out, from the spool to MongoDB by a thread.

A prediction never waits for MongoDB and never fails because of its record. What a killed process leaves in the spool,
the next start or another worker delivers; MongoDB refuses an id that it has, so nothing is kept twice.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import msgspec

from millrace.errors import StorageError
from serving.records.buckets import bucketed
from serving.records.entry import Entry, Mask, chosen, decoded, encoded
from serving.records.spool import Records, Spool

log = logging.getLogger(__name__)
BATCH_DOCUMENTS = 10
LONGEST_PAUSE = 5.0


class Target(Protocol):
    """Where the documents go; `millrace.stores.predictions` is the one in use."""

    def insert(self, documents: list[Any]) -> list[tuple[int, str]]:
        """Insert those that are not there yet; the places that were refused, and why. Raises StorageError."""


class PredictionLog:
    """The log of one worker."""

    def __init__(
        self,
        target: Target,
        folder: Path,
        *,
        share: float = 1.0,
        masked: str = "",
        seconds: float = 1.0,
        most_bytes: int = 2_000_000_000,
    ) -> None:
        self.spool = Spool(folder, most_bytes)
        self._target = target
        self.mask = Mask(masked)
        """Whoever makes an entry asks it which columns to hide."""
        self._share, self._seconds = share, seconds
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._delivering = threading.Lock()
        self.delivered = 0
        """Rows that MongoDB has."""
        self.rejected = 0
        """Rows that MongoDB refused."""
        self.damaged = 0
        """Files that were set aside because their end cannot be read."""
        self.error: str | None = None
        """Why the last delivery failed, or None."""

    def submit(self, entry: Entry) -> None:
        """Keep an entry, or the sample of it that is recorded. Never raises, never waits."""
        try:
            sampled = entry if self._share >= 1 else self._sampled(entry)
            if sampled is not None:
                self.spool.append(encoded(sampled))
        except Exception:
            self.spool.dropped += 1
            log.exception("a prediction could not be recorded")

    def _sampled(self, entry: Entry) -> Entry | None:
        """The requests that belong to the sample, with all of their rows."""
        places = [place for place in range(len(entry.request_ids)) if random.random() < self._share]  # noqa: S311
        if len(places) == len(entry.request_ids):
            return entry
        return chosen(entry, places) if places else None

    def start(self) -> None:
        """Begin to deliver, what an earlier process left first."""
        self._thread = threading.Thread(target=self._work, name="prediction log", daemon=True)
        self._thread.start()

    def close(self, seconds: float = 5.0) -> None:
        """Deliver what waits, but no longer than this; the rest stays in the spool."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def deliver(self) -> int:
        """Deliver all that waits; how many rows. Raises StorageError, and then nothing is lost."""
        with self._delivering:
            self.spool.seal()
            count = 0
            with self.spool.claimed() as files:
                for path in files:
                    count += self._deliver_file(path)
            self.delivered += count
            return count

    def _deliver_file(self, path: Path) -> int:
        strange: list[bytes] = []
        with path.open("rb") as file:
            records = Records(file)
            count = sum(map(self._insert, _in_batches(bucketed(path.stem, _entries(records, strange)))))
        if records.unread or strange:
            # Set aside, not removed: a record cut short was never answered, but a damaged disk is worth a look.
            sentence = "%s is set aside: %d bytes of its end and %d records cannot be read"
            log.warning(sentence, path.name, records.unread, len(strange))
            path.rename(path.with_suffix(".damaged"))
            self.damaged += 1
        else:
            path.unlink(missing_ok=True)
        return count

    def _insert(self, batch: list[dict[str, Any]]) -> int:
        refused = self._target.insert(batch)
        lost = sum(int(batch[place]["count"]) for place, _ in refused)
        if refused:
            self.rejected += lost
            log.error("MongoDB refused the records of %d predictions: %s", lost, refused[0][1])
        return sum(int(document["count"]) for document in batch) - lost

    def _work(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            pause = self._round(pause)
        self._round(pause)

    def _round(self, pause: float) -> float:
        """Deliver once; how long to wait for the next time."""
        try:
            self.deliver()
        except StorageError as error:
            if self.error is None:
                log.warning("predictions are spooled until MongoDB is back: %s", error)
            self.error = str(error)
            return min(max(2 * pause, self._seconds), LONGEST_PAUSE)
        except Exception as error:
            log.exception("the prediction log cannot be delivered")
            self.error = f"{type(error).__name__}: {error}"
            return LONGEST_PAUSE
        if self.error is not None:
            log.info("MongoDB is back; the spooled predictions are delivered")
        self.error = None
        return self._seconds


def _entries(records: Iterable[bytes], strange: list[bytes]) -> Iterator[tuple[Entry, int]]:
    """The entries with their sizes, a few at a time in memory; what is none goes to `strange`."""
    for record in records:
        try:
            yield decoded(record), len(record)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            strange.append(record)


def _in_batches(found: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(found, BATCH_DOCUMENTS)):
        yield batch
