"""The process of explanations, seen from the service: started when it is first needed, ended when it takes too long.

One row is explained at a time; a few may wait. The event loop only waits, it never computes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from millrace.errors import MillraceError
from serving.apart.process import Apart
from serving.explaining.job import Job, explain, prepare
from serving.failures import ModelFailedError, NotExplainableError, OverloadedError

PREPARE_SECONDS = 60.0
"""For the process, its libraries and the model."""
MOST_WAITING = 8


class Explaining:
    """The explanations of one worker. `seconds` is what one of them may cost."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._apart = Apart("explanations", lanes=1)
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def explain(self, job: Job, columns: dict[str, Any]) -> list[dict[str, Any]]:
        """The explanations of one row. Raises NotExplainableError, ModelFailedError or OverloadedError."""
        if self._waiting >= MOST_WAITING:
            raise OverloadedError(f"{self._waiting} explanations wait already.", hint="Try again in a second.")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._explained(job, columns)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the process."""
        self._apart.close()

    async def _explained(self, job: Job, columns: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            await self._run(PREPARE_SECONDS, prepare, job)
            found: list[dict[str, Any]] = await self._run(self._seconds, explain, job, columns)
        except MillraceError:
            raise
        except TimeoutError:
            raise NotExplainableError(
                f"An explanation by {job.name} takes longer than {self._seconds:g} seconds.",
                hint="Raise SERVING_EXPLAIN_SECONDS.",
            ) from None
        except Exception as error:
            raise ModelFailedError(
                f"The model {job.name} could not be explained for this row: {type(error).__name__}.",
                hint="The service's log has the reason.",
            ) from error
        return found

    async def _run(self, seconds: float, work: Callable[..., Any], *arguments: Any) -> Any:
        """What `work` gives in the process. Raises TimeoutError, and then the process is no more."""
        try:
            return await asyncio.to_thread(partial(self._apart.run, work, *arguments, seconds=seconds))
        except asyncio.CancelledError:
            await asyncio.to_thread(self._apart.kill)  # it computes what nobody waits for
            raise
