"""Brings requests that arrive together into one call of a model: for models whose call costs more than their rows.

A request that is alone never waits. While a call runs, others gather, and a full call of them begins beside it; after
it the next call waits for the callers that were there a moment ago, but at most for a part of what a call costs, as
measured. Limits are counted in rows. Each caller gets its own rows back, and its own error: a batch that fails is asked
again request by request.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.failures import OverloadedError, ProcessDiedError
from serving.runtime.loaded_model import Predictions

Columns = dict[str, Any]
Ask = Callable[[Columns, bool], Predictions]
PART_OF_A_CALL = 0.25
"""The longest wait, as a share of a call's time."""
LONGEST_WAIT = 0.02
MOST_CALLS = 2
"""Under way at a time: under load a turn of the event loop is long, and the model would wait for it between calls."""
SMOOTHING = 0.2
FORGET_AFTER = 1.0
"""Seconds of silence after which the measures are of the past."""


@dataclass(slots=True)
class _Waiting:
    columns: Columns
    rows: int
    probabilities: bool
    future: asyncio.Future[Predictions]


Call = Future[list[Predictions | Exception]]


class Batcher:
    """The queue before one model; everything but the call itself happens on the event loop."""

    def __init__(
        self,
        ask: Ask,
        executor: Executor,
        *,
        batch_rows: int,
        most_rows: int,
        note_pace: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._ask = ask
        self._note_pace, self._row_seconds = note_pace, 0.0
        self._executor = executor
        self._batch_rows = batch_rows
        self._most_rows = most_rows
        self._queue: deque[_Waiting] = deque()
        self._queued_rows = 0
        self._calls = 0
        self._timer: asyncio.TimerHandle | None = None
        self._call_seconds = 0.0
        self._together = 1.0
        self._last = 0.0

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        return bool(self._calls or self._queue)

    @property
    def waiting_rows(self) -> int:
        """The rows that wait for a call."""
        return self._queued_rows

    @property
    def window(self) -> float:
        """How long the next call may wait for the callers of the last ones; 0 where they come one by one."""
        if self._together < 1.5 or time.monotonic() - self._last > FORGET_AFTER:
            return 0.0
        return min(self._call_seconds * PART_OF_A_CALL, LONGEST_WAIT)

    async def predict(self, columns: Columns, rows: int, *, probabilities: bool = False) -> Predictions:
        """The predictions for these rows. Raises OverloadedError at once when too many rows wait already."""
        if self._queue and self._queued_rows + rows > self._most_rows:
            raise OverloadedError(
                f"The model has {self._queued_rows:,} rows waiting already.", hint="Try again in a second."
            )
        future: asyncio.Future[Predictions] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(columns, rows, probabilities, future))
        self._queued_rows += rows
        self._consider()
        return await future

    def _consider(self) -> None:
        """Start a call, wait a little for more, or leave it to the call that runs."""
        if not self._may_start():
            return
        wanted = min(round(self._together), self._batch_rows)
        wait = self.window
        if len(self._queue) >= wanted or self._queued_rows >= self._batch_rows or wait == 0:
            self._start()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._start)

    def _may_start(self) -> bool:
        """Whether a call may begin; beside another one only a full one, so that nobody is kept from company."""
        full = self._queued_rows >= self._batch_rows
        return bool(self._queue) and (self._calls == 0 or (full and self._calls < MOST_CALLS))

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch = self._next() if self._may_start() else []
        if not batch:
            return
        self._calls += 1
        loop, started = asyncio.get_running_loop(), time.monotonic()

        def done(call: Call) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._finish, batch, started, call)

        try:
            self._executor.submit(copy_context().run, self._answers, batch, self._calls).add_done_callback(done)
        except RuntimeError as error:  # the executor is closed: nobody may be left waiting
            self._calls -= 1
            for waiting in batch:
                _settle(waiting.future, error)

    def _next(self) -> list[_Waiting]:
        """The requests of the next call: as many as fit, at least one; nobody waits for a caller that has gone."""
        batch: list[_Waiting] = []
        rows = 0
        while self._queue and (not batch or rows + self._queue[0].rows <= self._batch_rows):
            waiting = self._queue.popleft()
            self._queued_rows -= waiting.rows
            if not waiting.future.done():
                batch.append(waiting)
                rows += waiting.rows
        return batch

    def _finish(self, batch: list[_Waiting], started: float, call: Call) -> None:
        """Hand out the answers and begin the next call, both in one turn: under load a turn of the loop is long."""
        error = OverloadedError("The service is stopping.") if call.cancelled() else call.exception()
        results = [error for _ in batch] if error is not None else call.result()
        for waiting, result in zip(batch, results, strict=True):
            _settle(waiting.future, result)
        self._learn(time.monotonic() - started, len(batch))
        self._calls -= 1
        if self._queued_rows >= self._batch_rows:
            self._start()
        else:  # the callers that were just answered ask again in this turn of the loop: look after it
            asyncio.get_running_loop().call_soon(self._consider)

    def _learn(self, seconds: float, together: int) -> None:
        """Measure; `together` are the callers of this call and those that gathered meanwhile."""
        now = time.monotonic()
        present = together + len(self._queue)
        if now - self._last > FORGET_AFTER:
            self._call_seconds, self._together = seconds, float(present)
        else:
            self._call_seconds += SMOOTHING * (seconds - self._call_seconds)
            self._together += SMOOTHING * (present - self._together)
        self._last = now

    def _answers(self, batch: Sequence[_Waiting], calls: int) -> list[Predictions | Exception]:
        """In the worker's thread: one call for all, or one for each where that fails; so many calls share the model."""
        if len(batch) == 1:
            return [self._alone(batch[0])]
        try:
            columns = {name: np.concatenate([w.columns[name] for w in batch]) for name in batch[0].columns}
            started = time.monotonic()
            found = self._ask(columns, any(waiting.probabilities for waiting in batch))
            self._learn_pace((time.monotonic() - started) / len(found.values) / calls)
            return list(_shared_out(found, batch))
        except ProcessDiedError:  # a row may have killed it: the others shall not pay for that
            return [self._alone(waiting) for waiting in batch]
        except OverloadedError as error:  # asking for each alone would take more of what is short
            return [error for _ in batch]
        except Exception:
            return [self._alone(waiting) for waiting in batch]

    def _learn_pace(self, row_seconds: float) -> None:
        """What a row costs the model in company; a call for one alone says nothing of it."""
        known = self._row_seconds or row_seconds
        self._row_seconds = known + SMOOTHING * (row_seconds - known)
        self._note_pace(self._row_seconds)

    def _alone(self, waiting: _Waiting) -> Predictions | Exception:
        try:
            return self._ask(waiting.columns, waiting.probabilities)
        except Exception as error:
            return error


def _shared_out(found: Predictions, batch: Sequence[_Waiting]) -> list[Predictions]:
    """Each request's own rows of the answers."""
    if len(found.values) != sum(waiting.rows for waiting in batch):
        raise ValueError(f"{len(found.values)} answers for {sum(w.rows for w in batch)} rows")
    shares, begin = [], 0
    for waiting in batch:
        end = begin + waiting.rows
        confidences = found.confidences[begin:end] if found.confidences is not None else None
        by_class = found.probabilities[begin:end] if waiting.probabilities and found.probabilities else None
        shares.append(Predictions(found.values[begin:end], confidences, by_class))
        begin = end
    return shares


def _settle(future: asyncio.Future[Predictions], result: Predictions | BaseException) -> None:
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
