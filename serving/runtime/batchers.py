"""The queue before each version in memory that is not compiled."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Executor

from serving.runtime.batcher import Batcher, Columns
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.settings import ServiceSettings

MOST_BATCHERS = 32


class Batchers:
    """The queues of one process."""

    def __init__(self, executor: Executor, limits: ServiceSettings) -> None:
        self._executor = executor
        self._limits = limits
        self._queues: OrderedDict[int, tuple[LoadedModel, Batcher]] = OrderedDict()

    def of(self, model: LoadedModel) -> Batcher:
        """The queue of exactly this version in memory; a version that was swapped out empties its own."""
        kept = self._queues.get(id(model))
        if kept is not None:
            return kept[1]

        def ask(columns: Columns, probabilities: bool) -> Predictions:
            return model.predict_columns(columns, probabilities=probabilities)

        limits = self._limits
        batcher = Batcher(
            ask, self._executor, batch_rows=limits.serving_batch_size, most_rows=limits.serving_queue_rows
        )
        self._queues[id(model)] = (model, batcher)
        for key, (_, other) in list(self._queues.items()):
            if len(self._queues) > MOST_BATCHERS and other is not batcher and not other.busy:
                del self._queues[key]
        return batcher

    def waiting(self) -> dict[str, int]:
        """The rows that wait before each model, by name and version."""
        return {f"{m.name}/{m.version.version}": b.waiting_rows for m, b in list(self._queues.values()) if b.busy}
