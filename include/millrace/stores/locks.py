"""Leases on MongoDB: one holder at a time, renewed while held, free again when the holder dies."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from millrace.errors import ConflictError, MillraceError
from millrace.stores.mongo import MongoStore, explained

log = logging.getLogger(__name__)
_POLL_SECONDS = 0.2


class MongoLocks(MongoStore):
    """Named leases in the collection `locks`."""

    @contextmanager
    def lock(self, name: str, holder: str, seconds: float = 60, wait_seconds: float = 900) -> Iterator[None]:
        """Hold the lease `name` within the block; waits for another holder up to `wait_seconds`.

        The same holder may take its own lease again, so that a retry does not wait for its killed predecessor.
        Raises ConflictError that names the holder.
        """
        self._acquire(name, holder, seconds, time.monotonic() + wait_seconds)
        stop = threading.Event()
        renewal = threading.Thread(target=self._renew, args=(name, holder, seconds, stop), daemon=True)
        renewal.start()
        try:
            yield
        finally:
            stop.set()
            renewal.join()
            self._release(name, holder)

    def _acquire(self, name: str, holder: str, seconds: float, deadline: float) -> None:
        while not self._try(name, holder, seconds):
            if time.monotonic() > deadline:
                raise ConflictError(
                    f"'{name}' is held by the run {self._holder(name)}.", hint="Wait for that run to end, then retry."
                )
            time.sleep(_POLL_SECONDS)

    @explained
    def _try(self, name: str, holder: str, seconds: float) -> bool:
        from pymongo.errors import DuplicateKeyError

        now = datetime.now(UTC)
        free = {"_id": name, "$or": [{"expires_at": {"$lt": now}}, {"holder": holder}]}
        lease = {"$set": {"holder": holder, "expires_at": now + timedelta(seconds=seconds)}}
        try:
            self.collection("locks").update_one(free, lease, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    @explained
    def _holder(self, name: str) -> str:
        document = self.collection("locks").find_one({"_id": name})
        return str(document["holder"]) if document else "nobody"

    def _renew(self, name: str, holder: str, seconds: float, stop: threading.Event) -> None:
        while not stop.wait(seconds / 3):
            try:
                self._try(name, holder, seconds)
            except MillraceError as error:
                log.warning("The lease '%s' could not be renewed: %s", name, error)

    @explained
    def _release(self, name: str, holder: str) -> None:
        self.collection("locks").delete_one({"_id": name, "holder": holder})
