"""The way from a request's rows to its predictions: which model, which columns, and where the work is done.

The one place where what surrounds a prediction (a cache, admission, the record of it) has its turn. It knows nothing of
HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from functools import partial
from typing import Any, Protocol

from serving.runtime.admission import Admission
from serving.runtime.batcher import Batcher, Columns
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.manager import ModelManager
from serving.runtime.pool import BoundedPool
from serving.settings import ServiceSettings

INLINE_ROWS = 32
"""A compiled model predicts so many rows on the event loop: a hop to a thread would cost more."""
INLINE_BYTES = 32_768
"""A larger body is decoded beside the event loop."""
MOST_BATCHERS = 32


class Note(Protocol):
    """Is told of each request that was predicted, before its answer goes out."""

    def __call__(self, name: str, version: str, columns: Columns, values: list[Any], seconds: float) -> None:
        """Note the predictions; never raises and never waits."""


class Answering:
    """Answers rows with the models of one process."""

    def __init__(
        self, manager: ModelManager, pool: BoundedPool, limits: ServiceSettings, note: Note, admission: Admission
    ) -> None:
        self._manager = manager
        self._note = note
        self._admission = admission
        self._pool = pool
        self._limits = limits
        self._ignore_unknown = limits.serving_unknown_fields == "ignore"
        self._batchers: OrderedDict[int, tuple[LoadedModel, Batcher]] = OrderedDict()

    async def of_body(
        self, name: str, body: bytes, *, many: bool, probabilities: bool
    ) -> tuple[LoadedModel, Predictions]:
        """The predictions for a JSON body, and the version that made them."""
        model = self._manager.get(name)
        decode = partial(
            model.codec.decode_body,
            body,
            many,
            most=self._limits.serving_batch_rows,
            ignore_unknown=self._ignore_unknown,
        )
        columns = decode() if len(body) <= INLINE_BYTES else await self._pool.run(decode)
        return model, await self.of_columns(model, columns, probabilities=probabilities)

    async def of_columns(self, model: LoadedModel, columns: Columns, *, probabilities: bool) -> Predictions:
        """The predictions for decoded columns."""
        rows, started = len(next(iter(columns.values()))), time.perf_counter()
        with self._admission.enter(model.version.name, rows):
            asked = self._asked(model, columns, rows, probabilities=probabilities)
            found = await self._admission.in_time(model.version.name, asked)
        about, seconds = model.version, time.perf_counter() - started
        note = partial(self._note, about.name, about.version, columns, found.values, seconds)
        if rows <= INLINE_ROWS:
            note()
        else:
            await asyncio.to_thread(note)
        return found

    async def _asked(self, model: LoadedModel, columns: Columns, rows: int, *, probabilities: bool) -> Predictions:
        if not model.is_compiled:
            return await self._batcher(model).predict(columns, rows, probabilities=probabilities)
        if rows <= INLINE_ROWS:
            return model.predict_columns(columns, probabilities=probabilities)
        return await self._pool.run(partial(model.predict_columns, columns, probabilities=probabilities))

    def _batcher(self, model: LoadedModel) -> Batcher:
        """The queue of exactly this version in memory; a version that was swapped out empties its own."""
        kept = self._batchers.get(id(model))
        if kept is not None:
            return kept[1]

        def ask(columns: Columns, probabilities: bool) -> Predictions:
            return model.predict_columns(columns, probabilities=probabilities)

        limits = self._limits
        batcher = Batcher(
            ask, self._pool.executor, batch_rows=limits.serving_batch_size, most_rows=limits.serving_queue_rows
        )
        self._batchers[id(model)] = (model, batcher)
        for key, (_, other) in list(self._batchers.items()):
            if len(self._batchers) > MOST_BATCHERS and other is not batcher and not other.busy:
                del self._batchers[key]
        return batcher

    def waiting(self) -> dict[str, Any]:
        """The rows that wait before each model, by name and version."""
        return {f"{m.name}/{m.version.version}": b.waiting_rows for m, b in list(self._batchers.values()) if b.busy}
