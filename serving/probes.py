"""Asks MongoDB and S3 whether they answer, without ever making a health check wait for them.

Each check runs in a thread, one at a time for each part; its last answer is reused for a moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from millrace.connections import mongo_client, s3_client
from millrace.settings import Settings
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.runs import MongoRunStore

FRESH_SECONDS = 2.0
PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class PartState:
    """Whether a part answers; `error` says why not."""

    reachable: bool
    error: str | None = None


class Probe:
    """One part's check."""

    def __init__(self, check: Callable[[], str | None]) -> None:
        self._check = check
        self._running: asyncio.Future[str | None] | None = None
        self._state = PartState(False, "Not asked yet.")
        self._asked = float("-inf")

    async def state(self, threads: ThreadPoolExecutor) -> PartState:
        """The part's state, at most two seconds old, within two seconds."""
        if self._running is None and time.monotonic() - self._asked < FRESH_SECONDS:
            return self._state
        if self._running is None:
            self._running = asyncio.get_running_loop().run_in_executor(threads, self._check)
            self._running.add_done_callback(self._note)
        await asyncio.wait([self._running], timeout=PATIENCE_SECONDS)
        if self._running is not None and not self._running.done():
            return PartState(False, f"No answer within {PATIENCE_SECONDS:g} seconds.")
        # The done callback may not have run yet, although the future is done.
        if self._running is not None:
            self._note(self._running)
        return self._state

    def _note(self, future: asyncio.Future[str | None]) -> None:
        if self._running is not future:
            return
        self._running = None
        self._asked = time.monotonic()
        error = "The check was stopped." if future.cancelled() else future.result()
        self._state = PartState(error is None, error)


class Probes:
    """The checks of all parts."""

    def __init__(self, settings: Settings) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="probe")
        self._probes = {
            "mongodb": Probe(lambda: _mongodb_error(settings)),
            "s3": Probe(lambda: _s3_error(settings)),
        }

    async def states(self) -> dict[str, PartState]:
        """The state of each part by name."""
        states = await asyncio.gather(*(probe.state(self._threads) for probe in self._probes.values()))
        return dict(zip(self._probes, states, strict=True))

    def close(self) -> None:
        """Take no more questions."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _mongodb_error(settings: Settings) -> str | None:
    try:
        mongo_client(settings).admin.command("ping")
    except Exception as error:
        return str(MongoRunStore(settings).explain(error))
    return None


def _s3_error(settings: Settings) -> str | None:
    try:
        s3_client(settings).head_bucket(Bucket=settings.s3_bucket)
    except Exception as error:
        return str(S3ArtifactStore(settings).explain(error))
    return None
