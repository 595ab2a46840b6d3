"""Lets what follows a store look at it again and again while the service runs, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Protocol

log = logging.getLogger(__name__)


class Follower(Protocol):
    """What follows a store: a failure of one costs the others nothing."""

    def restore(self) -> None:
        """Take up what the local copies hold; the store may be away."""

    def look(self, *, force: bool = False) -> None:
        """Look at the store; `force` also at what failed before."""


class Watcher:
    """Restores the local copies first, then looks every `seconds`; each follower after the one before it."""

    def __init__(self, followers: Sequence[Follower], seconds: float) -> None:
        self._followers = followers
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
        await loop.run_in_executor(self._thread, self._restore)
        while True:
            await self._in_thread(force=False)
            self.started = True
            await asyncio.sleep(self._seconds)

    async def _in_thread(self, *, force: bool) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._look, force)

    def _restore(self) -> None:
        for follower in self._followers:
            _carefully(follower.restore)

    def _look(self, force: bool) -> None:
        for follower in self._followers:
            _carefully(partial(follower.look, force=force))


def _carefully(step: Callable[[], None]) -> None:
    try:
        step()
    except Exception:
        log.exception("a look at a store failed")
