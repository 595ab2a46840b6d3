"""Runs predictions beside the event loop, a bounded number at a time and a bounded number waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from serving.failures import OverloadedError

Result = TypeVar("Result")


class BoundedPool:
    """A few threads and a queue with an end."""

    def __init__(self, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._limit = threads + waiting
        self._under_way = 0

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The threads, for a queue that bounds itself."""
        return self._executor

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do `work` in a thread. Raises OverloadedError at once when too many wait already."""
        if self._under_way >= self._limit:
            raise OverloadedError(
                f"The service is answering {self._under_way} predictions already.", hint="Try again in a second."
            )
        self._under_way += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, copy_context().run, work)
        # Counted until the work is done, not until the caller is gone: a cancelled request still occupies its thread.
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Let the running predictions end and take no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _done(self, future: asyncio.Future[Result]) -> None:
        self._under_way -= 1
        if not future.cancelled():
            future.exception()  # seen: a caller that has gone does not come to fetch it
