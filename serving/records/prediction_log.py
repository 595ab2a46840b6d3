"""Keeps every prediction: into the spool before the answer goes out, from the spool to MongoDB by a thread.

A prediction never waits for MongoDB and never fails because of its record. What a killed process leaves in the spool,
the next start or another worker delivers; MongoDB refuses an id that it has, so nothing is kept twice.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from millrace.errors import StorageError
from serving.records.entry import Entry, Ids, Mask, documents, encoded
from serving.records.spool import Spool, records_of

log = logging.getLogger(__name__)
BATCH_DOCUMENTS = 1_000
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
        self._share, self._mask, self._seconds = share, Mask(masked), seconds
        self._ids = Ids()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._delivering = threading.Lock()
        self.delivered = 0
        self.rejected = 0
        self.error: str | None = None
        """Why the last delivery failed, or None."""

    def wants(self) -> bool:
        """Whether the next prediction belongs to the sample that is recorded."""
        return self._share >= 1 or random.random() < self._share  # noqa: S311 - a sample, not a secret

    def submit(self, entry: Entry) -> None:
        """Keep one prediction, or a batch (by `columns` and `outputs`). Never raises, never waits."""
        try:
            self.spool.append(encoded(self._completed(entry)))
        except Exception:
            self.spool.dropped += 1
            log.exception("a prediction could not be recorded")

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
        """Deliver all that waits; how many documents. Raises StorageError, and then nothing is lost."""
        with self._delivering:
            self.spool.seal()
            count = 0
            with self.spool.claimed() as files:
                for path in files:
                    count += self._deliver_file(path)
            self.delivered += count
            return count

    def _completed(self, entry: Entry) -> Entry:
        model = entry["model"]
        whole = {"_id": self._ids.next(), "at": datetime.now(UTC), **entry}
        if "outputs" in entry:
            whole["columns"] = self._mask.of(model, entry["columns"])
        else:
            whole.setdefault("row", 0)
            whole["features"] = self._mask.of(model, entry["features"])
        return whole

    def _deliver_file(self, path: Path) -> int:
        records, unread = records_of(path.read_bytes())
        found = (document for kind, content in records for document in documents(kind, content))
        count = sum(map(self._insert, _in_batches(found)))
        if unread:
            # Set aside, not removed: a record cut short was never answered, but a damaged disk is worth a look.
            log.warning("%s: the last %d bytes are no whole record", path.name, unread)
            path.rename(path.with_suffix(".damaged"))
        else:
            path.unlink(missing_ok=True)
        return count

    def _insert(self, batch: list[Any]) -> int:
        refused = self._target.insert(batch)
        if refused:
            self.rejected += len(refused)
            log.error("MongoDB refused %d predictions: %s", len(refused), refused[0][1])
        return len(batch) - len(refused)

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


def _in_batches(found: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(found, BATCH_DOCUMENTS)):
        yield batch
