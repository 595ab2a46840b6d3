"""The answers that may be given again: in this process, and for models that are slow to ask also in Redis.

Only a single row is looked up: a batch is computed in one call, which costs less than the looks would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.runtime.cache import AnswerCache, row_keys
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.shared_cache import SharedCache

Columns = dict[str, Any]
_ANSWER_BYTES, _CLASS_BYTES, _TARGET_BYTES = 250, 110, 110
"""What an answer costs in memory, as measured, and each class or target of it."""


class Remembered:
    """What one process remembers of its answers. `compiled`: also those of compiled models."""

    def __init__(self, cache: AnswerCache, shared: SharedCache | None = None, *, compiled: bool = True) -> None:
        self.cache = cache
        self._shared = shared
        self._compiled = compiled

    def key(self, model: LoadedModel, columns: Columns, rows: int, *, probabilities: bool) -> bytes | None:
        """The key of a single row; None where no answer is remembered."""
        return self.keys(model, columns, [probabilities])[0] if rows == 1 and self.keeps(model) else None

    def keys(self, model: LoadedModel, columns: Columns, probabilities: Sequence[bool]) -> list[bytes]:
        """The keys of rows that came in requests of their own."""
        return row_keys(model.stamp, columns, probabilities=probabilities)

    def keeps(self, model: LoadedModel) -> bool:
        """Whether answers of this version are remembered."""
        return self.cache.is_on and model.cache_seconds > 0 and (self._compiled or not model.is_compiled)

    def get(self, model: LoadedModel, key: bytes) -> Predictions | None:
        """The answer that this process remembers; waits for nothing."""
        return self.cache.get(model.version.name, key)

    async def fetch(self, model: LoadedModel, key: bytes) -> Predictions | None:
        """The answer that another process left in Redis, where a model is worth the way; else None at once."""
        if self._shared is None or model.is_compiled:
            return None
        found = await self._shared.get(key)
        if found is None:
            return None
        answer, seconds = found
        self.cache.found_elsewhere(model.version.name)
        self.cache.put(key, answer, seconds, _size(answer))
        return answer

    def put(self, model: LoadedModel, key: bytes, answer: Predictions) -> None:
        """Remember an answer; waits for nothing."""
        self.cache.put(key, answer, model.cache_seconds, _size(answer))
        if self._shared is not None and not model.is_compiled:
            self._shared.put(key, answer, model.cache_seconds)


def _size(answer: Predictions) -> int:
    size = _ANSWER_BYTES
    if answer.probabilities is not None:
        size += _CLASS_BYTES * (len(answer.probabilities[0]) + 2)
    value = answer.values[0]
    if isinstance(value, dict):
        size += _TARGET_BYTES * (len(value) + 2)
    elif isinstance(value, str):
        size += len(value)
    return size
