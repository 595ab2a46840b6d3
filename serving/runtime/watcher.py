"""Looks at the registry again and again while the service runs, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from serving.runtime.manager import ModelManager

log = logging.getLogger(__name__)


class Watcher:
    """Restores the local copies first, then looks every `seconds`."""

    def __init__(self, manager: ModelManager, seconds: float) -> None:
        self._manager = manager
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="watcher")
        self._task: asyncio.Task[None] | None = None
        self.started = False
        """Whether the first look has ended, however it ended."""

    def start(self) -> None:
        """Begin to watch; returns at once."""
        self._task = asyncio.create_task(self._watch(), name="model watcher")

    async def look_now(self) -> None:
        """Look once, out of turn, and wait for it."""
        await self._in_thread(force=True)

    async def stop(self) -> None:
        """Stop watching. A look under way ends by itself: every call of it is bounded."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._manager.restore)
        except Exception:
            log.exception("the local copies of the models cannot be read")
        while True:
            try:
                await self._in_thread(force=False)
            except Exception:
                log.exception("a look at the registry failed")
            self.started = True
            await asyncio.sleep(self._seconds)

    async def _in_thread(self, *, force: bool) -> None:
        look = partial(self._manager.look, force=force)
        await asyncio.get_running_loop().run_in_executor(self._thread, look)
