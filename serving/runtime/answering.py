"""The way from a request's rows to its predictions: which version, which columns, and where the work is done.

The one place where what surrounds a prediction (traffic, the cache, admission, the record, the shadow) has its turn. It
knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from serving.failures import ModelFailedError
from serving.runtime.admission import Admission
from serving.runtime.batchers import Batchers
from serving.runtime.likeness import columns_for
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.pool import BoundedPool
from serving.runtime.remembered import Remembered
from serving.runtime.shadows import Shadows
from serving.runtime.traffic import Choice, Traffic
from serving.runtime.variants import Variants
from serving.settings import ServiceSettings

Columns = dict[str, Any]
INLINE_ROWS = 32
"""A compiled model predicts so many rows on the event loop: a hop to a thread would cost more."""
INLINE_BYTES = 32_768
"""A larger body is decoded beside the event loop."""
INLINE_NUMBERS = 16_000
"""So many numbers are recorded on the event loop, in about a tenth of a millisecond; texts and times take longer."""


class Note(Protocol):
    """Is told of each request that was predicted, before its answer goes out."""

    def __call__(
        self, name: str, version: str, columns: Columns, values: list[Any], seconds: float, variant: str = ...
    ) -> None:
        """Note the predictions; never raises and never waits."""


class Answering:
    """Answers rows with the models of one process. `key` says by what the present request is shared out."""

    def __init__(  # noqa: PLR0913 - it puts the parts together
        self,
        *,
        traffic: Traffic,
        variants: Variants,
        shadows: Shadows,
        cache: Remembered,
        pool: BoundedPool,
        limits: ServiceSettings,
        note: Note,
        admission: Admission,
        key: Callable[[], str],
    ) -> None:
        self._traffic, self._variants, self._shadows = traffic, variants, shadows
        self._cache = cache
        self._note = note
        self._admission = admission
        self._pool = pool
        self._limits = limits
        self._key = key
        self._ignore_unknown = limits.serving_unknown_fields == "ignore"
        self._batchers = Batchers(pool.executor, limits, admission.paces)

    def choose(self, name: str) -> Choice:
        """Who answers the present request. Raises NotFoundError or NotLoadedError."""
        return self._traffic.choose(name, self._key() if self._traffic.splits(name) else "")

    async def named(self, name: str, which: str) -> Choice:
        """The version that the caller names, by alias or number. Raises NotFoundError or NotLoadedError."""
        model = await self._variants.get(name, which)
        return Choice(model, model.version.version if which.isdigit() else which)

    async def choice(self, name: str, which: str | None) -> Choice:
        """The version that the caller names, or that the traffic rule chooses where it names none."""
        return self.choose(name) if which is None else await self.named(name, which)

    async def of_body(
        self, choice: Choice, body: bytes, *, many: bool, probabilities: bool, is_shared: bool
    ) -> tuple[LoadedModel, Predictions]:
        """The predictions for a JSON body, and the version that made them; `is_shared` as in `of_choice`."""
        name = choice.model.name
        if not self._admission.has_room(name):  # before the body is read, which costs as much as a prediction
            raise self._admission.refusal(name)
        decode = partial(
            choice.model.codec.decode_body,
            body,
            many,
            most=self._limits.serving_batch_rows,
            ignore_unknown=self._ignore_unknown,
        )
        columns = decode() if len(body) <= INLINE_BYTES else await self._pool.run(decode)
        return await self.of_choice(choice, columns, probabilities=probabilities, is_shared=is_shared)

    async def of_choice(
        self, choice: Choice, columns: Columns, *, probabilities: bool, is_shared: bool = True
    ) -> tuple[LoadedModel, Predictions]:
        """The predictions for decoded columns, and the version that made them.

        `is_shared`: the traffic rule chose. Then the shadow is asked too, and a variant that fails is stood in for by
        the champion.
        """
        model = choice.model
        try:
            found = await self.of_columns(model, columns, probabilities=probabilities, variant=choice.variant)
        except ModelFailedError as error:
            instead = self._traffic.fall_back(choice, error) if is_shared else None
            fitting = columns_for(instead.model.signature, columns) if instead is not None else None
            if instead is None or fitting is None:
                raise
            model = instead.model
            found = await self.of_columns(model, fitting, probabilities=probabilities, variant=instead.variant)
        if is_shared:
            self._shadows.offer(model.version.name, columns, len(found.values))
        return model, found

    async def of_columns(
        self, model: LoadedModel, columns: Columns, *, probabilities: bool, variant: str = "champion"
    ) -> Predictions:
        """The predictions of exactly this version for decoded columns."""
        rows, started = len(next(iter(columns.values()))), time.perf_counter()
        found = await self._answer(model, columns, rows, probabilities=probabilities)
        about, seconds = model.version, time.perf_counter() - started
        note = partial(self._note, about.name, about.version, columns, found.values, seconds, variant)
        if rows <= INLINE_ROWS or _are_few_numbers(columns, rows):
            note()
        else:
            await asyncio.to_thread(note)
        return found

    async def _answer(self, model: LoadedModel, columns: Columns, rows: int, *, probabilities: bool) -> Predictions:
        key = self._cache.key(model, columns, rows, probabilities=probabilities)
        if key is None:
            return await self._admitted(model, columns, rows, probabilities=probabilities)
        found = self._cache.get(model, key) or await self._cache.fetch(model, key)
        if found is None:
            found = await self._admitted(model, columns, rows, probabilities=probabilities)
            self._cache.put(model, key, found)
        return found

    async def _admitted(self, model: LoadedModel, columns: Columns, rows: int, *, probabilities: bool) -> Predictions:
        with self._admission.enter(model.version.name, rows):
            asked = self._asked(model, columns, rows, probabilities=probabilities)
            return await self._admission.in_time(model.version.name, asked)

    async def _asked(self, model: LoadedModel, columns: Columns, rows: int, *, probabilities: bool) -> Predictions:
        if not model.is_compiled:
            return await self._batchers.of(model).predict(columns, rows, probabilities=probabilities)
        if rows <= INLINE_ROWS:
            return model.predict_columns(columns, probabilities=probabilities)
        return await self._pool.run(partial(model.predict_columns, columns, probabilities=probabilities))

    def waiting(self) -> dict[str, Any]:
        """The rows that wait before each model, by name and version."""
        return self._batchers.waiting()


def _are_few_numbers(columns: Columns, rows: int) -> bool:
    return rows * len(columns) <= INLINE_NUMBERS and all(column.dtype.kind == "f" for column in columns.values())
