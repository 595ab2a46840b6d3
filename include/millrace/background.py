"""A thread that writes what must neither block its caller nor be lost while a server is away for some minutes.

The writes happen one after the other, in the order in which they were handed over. It survives a fork: the child gets
a thread of its own when it first needs one, and none of the parent's waiting writes.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from millrace.errors import MillraceError

log = logging.getLogger(__name__)
MOST_WAITING = 1000
RETRY_SECONDS = 600.0
LONGEST_PAUSE = 15.0
FLUSH_SECONDS = 3.0


class Writer:
    """Runs calls in a thread of this process; one that fails in a retryable way is tried again for ten minutes."""

    def __init__(self, name: str, retry_seconds: float = RETRY_SECONDS) -> None:
        self._name = name
        self._retry_seconds = retry_seconds
        self._pid = 0
        self._waiting: queue.Queue[Callable[[], None]] = queue.Queue(MOST_WAITING)

    def submit(self, write: Callable[..., None], *arguments: Any) -> None:
        """Hand a write over; returns at once. When too many wait, this one is dropped and logged."""
        if self._pid != os.getpid():
            self._start()
        try:
            self._waiting.put_nowait(partial(write, *arguments))
        except queue.Full:
            log.error("%s: %d writes wait already; one more was dropped.", self._name, MOST_WAITING)

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until all is written, but no longer than this; whether it is."""
        until = time.monotonic() + seconds
        while self._pid == os.getpid() and self._waiting.unfinished_tasks:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def _start(self) -> None:
        self._pid = os.getpid()
        self._waiting = queue.Queue(MOST_WAITING)
        atexit.register(self.flush)
        threading.Thread(target=self._work, args=(self._waiting,), name=self._name, daemon=True).start()

    def _work(self, waiting: queue.Queue[Callable[[], None]]) -> None:
        while True:
            write = waiting.get()
            try:
                self._written(write)
            except MillraceError as error:
                log.warning("%s: %s", self._name, error)
            except Exception:
                log.exception("%s: a write failed.", self._name)
            finally:
                waiting.task_done()

    def _written(self, write: Callable[[], None]) -> None:
        until, pause = time.monotonic() + self._retry_seconds, 0.5
        while True:
            try:
                return write()
            except MillraceError as error:
                if not error.retryable or time.monotonic() > until:
                    raise
                log.warning("%s: %s Trying again in %.1f s.", self._name, error, pause)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
