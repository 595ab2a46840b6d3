"""The queue before each version in memory that is not compiled."""

from __future__ import annotations

import weakref
from concurrent.futures import Executor
from functools import partial

from serving.runtime.batcher import Ask, Batcher, Columns
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.settings import ServiceSettings


class Batchers:
    """The queues of one process; each lasts as long as its version, which it does not keep in memory."""

    def __init__(self, executor: Executor, limits: ServiceSettings, paces: dict[str, float] | None = None) -> None:
        """`paces` is told what a row costs each model."""
        self._paces = {} if paces is None else paces
        self._executor = executor
        self._limits = limits
        self._queues: dict[int, tuple[str, Batcher]] = {}

    def of(self, model: LoadedModel) -> Batcher:
        """The queue of exactly this version in memory; a version that was swapped out empties its own."""
        kept = self._queues.get(id(model))
        if kept is not None:
            return kept[1]
        limits = self._limits
        batcher = Batcher(
            _asking(model),
            self._executor,
            batch_rows=limits.serving_batch_size,
            most_rows=limits.serving_queue_rows,
            note_pace=partial(self._paces.__setitem__, model.name),
        )
        self._queues[id(model)] = (f"{model.name}/{model.version.version}", batcher)
        weakref.finalize(model, self._queues.pop, id(model), None).atexit = False
        return batcher

    def waiting(self) -> dict[str, int]:
        """The rows that wait before each model, by name and version."""
        return {name: batcher.waiting_rows for name, batcher in list(self._queues.values()) if batcher.busy}


def _asking(model: LoadedModel) -> Ask:
    """How the version is asked. Whoever waits for an answer holds the version; where nobody does, nothing is lost."""
    held = weakref.ref(model)

    def ask(columns: Columns, probabilities: bool) -> Predictions:
        present = held()
        if present is None:
            raise LookupError("the version is gone, and so are all who asked it")
        return present.predict_columns(columns, probabilities=probabilities)

    return ask
