"""Predicts a file part by part: memory does not grow with its rows, and other requests have their turn in between.

The whole file is read and checked first, so whatever is wrong with a row is known before the answer begins. It knows
nothing of HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any, TypeVar

from millrace.errors import RequestError
from serving.deps import Services
from serving.failures import ModelFailedError, OverloadedError
from serving.ids import new_id
from serving.logs import request_id
from serving.runtime.admission import DeadlineError
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.tables.answers import AnswerFile, table_of
from serving.runtime.tables.base import TableFormat
from serving.runtime.tables.decoding import decoded_parts
from serving.runtime.traffic import Choice

Result = TypeVar("Result")
PAUSE_SECONDS = 0.5
MOST_PAUSES = 120
"""A part that finds the model busy waits for so long altogether: the rows that were answered are worth it."""


@dataclass(frozen=True)
class Begun:
    """An answer that may go out: which version made it, for how many rows, and its pieces."""

    model: LoadedModel
    rows: int
    first: bytes
    others: AsyncIterator[bytes]

    async def pieces(self) -> AsyncIterator[bytes]:
        """The whole answer."""
        yield self.first
        async for piece in self.others:
            yield piece


@dataclass(frozen=True)
class FilePrediction:
    """One file with the version that predicts it, from the first row to the last."""

    services: Services
    choice: Choice
    form: TableFormat
    file: IO[bytes]
    probabilities: bool
    ids: bool = False
    """Whether the answer names each prediction's id, by which its truth can be told later."""

    async def check(self) -> int:
        """Read the whole file; the number of its rows. Raises MalformedBodyError, TooLargeError or RequestError."""
        rows = 0
        async with aclosing(self._parts()) as parts:
            async for part in parts:
                rows += len(next(iter(part.values())))
        return rows

    async def begun(self, wanted: TableFormat) -> Begun:
        """The answer with its first piece: whatever fails until then is an ordinary error answer."""
        rows, answers = await self.check(), self.answers(wanted)
        return Begun(self.choice.model, rows, await anext(answers), answers)

    async def answers(self, wanted: TableFormat) -> AsyncGenerator[bytes]:
        """The file of answers, in pieces."""
        answer = AnswerFile(wanted)
        async with aclosing(self._parts()) as parts:
            async for part in parts:
                identity = new_id()
                found = await self._predicted(part, identity)
                ids = [f"{identity}/{row}" for row in range(len(found.values))] if self.ids else None
                if piece := await self._beside(partial(_written, answer, self.choice.model, found, ids)):
                    yield piece
        yield answer.end()

    async def _predicted(self, part: dict[str, Any], identity: str) -> Predictions:
        """A part's predictions; on record under an id of its own, whose time is that of the part."""
        options: dict[str, Any] = {"probabilities": self.probabilities, "variant": self.choice.variant}
        outer = request_id.set(identity)
        try:
            return await _patiently(partial(self.services.answering.of_columns, self.choice.model, part, **options))
        finally:
            request_id.reset(outer)

    async def _parts(self) -> AsyncGenerator[dict[str, Any]]:
        limits = self.services.limits
        self.file.seek(0)
        ignore = limits.serving_unknown_fields == "ignore"
        rows, most = limits.serving_batch_rows, limits.serving_file_rows
        parts = decoded_parts(self.form, self.file, self.choice.model, rows=rows, most=most, ignore_unknown=ignore)
        try:
            while (part := await self._beside(partial(next, parts, None))) is not None:
                yield part
        finally:
            with suppress(ValueError):  # a thread may be reading still, for a caller who has gone
                parts.close()

    async def _beside(self, work: Callable[[], Result]) -> Result:
        return await _patiently(partial(self.services.pool.run, work))


async def begun_by_any(work: FilePrediction, wanted: TableFormat) -> Begun:
    """The answer of the variant that the traffic rule chose; of the champion where that fails on the first part.

    Later it is too late: the answer has said whose it is.
    """
    try:
        return await work.begun(wanted)
    except ModelFailedError as error:
        instead = work.services.traffic.fall_back(work.choice, error)
        if instead is None:
            raise
        try:
            return await replace(work, choice=instead).begun(wanted)
        except RequestError:  # the file fits the variant, and not the champion
            raise error from None


def _written(answer: AnswerFile, model: LoadedModel, found: Predictions, ids: list[str] | None) -> bytes:
    return answer.add(table_of(model, found, ids))


async def _patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """What `work` gives, also when the service has more to do than it can for a while. Raises OverloadedError."""
    for _ in range(MOST_PAUSES):
        try:
            return await work()
        except DeadlineError:
            raise
        except OverloadedError:
            await asyncio.sleep(PAUSE_SECONDS)
    return await work()
