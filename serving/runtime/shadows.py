"""Asks a model's shadow too, beside the event loop: nobody sees its answers, and nobody waits for it.

What finds no room is dropped and counted: a shadow must never slow down those who answer.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from serving.runtime.likeness import columns_for
from serving.runtime.traffic import Shadow, Traffic

if TYPE_CHECKING:
    from serving.runtime.answering import Note

SHADOW = "shadow"
log = logging.getLogger(__name__)
Columns = dict[str, Any]


class Shadows:
    """The shadow's work of one process: one thread, and a bounded number of rows that wait for it."""

    def __init__(self, traffic: Traffic, note: Note, most_rows: int) -> None:
        self._traffic, self._note = traffic, note
        self._most_rows = most_rows
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shadow")
        self._rows, self._lock = 0, threading.Lock()
        self.dropped: Counter[str] = Counter()
        """Rows that found no room, by model."""

    def offer(self, name: str, columns: Columns, rows: int) -> None:
        """Let the model's shadow predict these rows, if it has one; call it when the answer is known. Never waits."""
        shadow = self._traffic.shadow_of(name)
        if shadow is None or (shadow.share < 1 and random.random() >= shadow.share):  # noqa: S311 - a sample, no secret
            return
        if not self._has_room(rows):
            self.dropped[name] += rows
            return
        # The record tells of the request that is being answered: its id and its caller go along.
        try:
            self._thread.submit(copy_context().run, self._work, shadow, columns, rows)
        except RuntimeError:  # the service is ending
            self._leave(rows)

    def close(self) -> None:
        """Leave what waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _work(self, shadow: Shadow, columns: Columns, rows: int) -> None:
        model, about = shadow.model, shadow.model.version
        try:
            started = time.perf_counter()
            asked = columns_for(model.signature, columns)
            if asked is None:
                return
            found = model.predict_columns(asked)
            seconds = time.perf_counter() - started
            self._note(about.name, about.version, columns, found.values, seconds, SHADOW)
        except Exception as error:
            self._traffic.note_failure(about.name, shadow.label, str(error))
        finally:
            self._leave(rows)

    def _has_room(self, rows: int) -> bool:
        with self._lock:
            if self._rows + rows > self._most_rows:
                return False
            self._rows += rows
            return True

    def _leave(self, rows: int) -> None:
        with self._lock:
            self._rows -= rows
