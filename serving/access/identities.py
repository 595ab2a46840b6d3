"""Turns a token or an API key into a caller: from memory in microseconds, from MongoDB every few seconds.

A known caller is looked up again beside the request, so that MongoDB is never waited for while it is slow; what was
withdrawn is noticed within seconds. While MongoDB is away, known callers go on for a while and new ones cannot come.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from millrace.errors import StorageError
from serving.access.callers import Caller, refused

log = logging.getLogger(__name__)
MOST_KNOWN, MOST_REFUSED = 10_000, 1_000
_AWAY_SECONDS = 2.0
_BESIDE = 4
"""An entry of up to so many times its age is still used while it is looked up again."""
Lookup = Callable[[str], Caller | None]


@dataclass
class _Entry:
    caller: Caller
    seen: float
    """When MongoDB last said so."""
    asked: float
    """When it was last asked."""
    looking: bool = False


class Identities:
    """The callers that this process knows."""

    def __init__(self, lookup: Lookup, fresh_seconds: float, grace_seconds: float) -> None:
        self._lookup = lookup
        self._fresh, self._grace = fresh_seconds, grace_seconds
        self._known: OrderedDict[bytes, _Entry] = OrderedDict()
        self._refused: OrderedDict[bytes, _Entry] = OrderedDict()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="access")
        self._tasks: set[asyncio.Task[Caller]] = set()
        self._away: StorageError | None = None
        self._away_until = 0.0
        self._changes = 0

    def remembered(self, token: str) -> Caller | None:
        """Who sends this token, where that was asked lately; costs microseconds.

        It is looked up again beside the request from here already: a thousand requests of one turn of the event loop
        would else all be sent to `caller`, whose way costs many times as much.
        """
        mark = _mark(token)
        entry = self._known.get(mark)
        if entry is None:
            return None
        age = time.monotonic() - entry.asked
        if age >= self._fresh and not entry.looking:
            if age >= _BESIDE * self._fresh:
                return None
            self._look_beside(mark, token, entry)
        return _still_valid(entry.caller)

    async def caller(self, token: str, unknown: Callable[[], Awaitable[None]]) -> Caller:
        """Who sends this token; `unknown` is awaited before MongoDB is asked about one never seen."""
        mark = _mark(token)
        entry = self._known.get(mark) or self._refused.get(mark)
        now = time.monotonic()
        if entry is not None and (now - entry.asked < self._fresh or entry.looking):
            return _still_valid(entry.caller)
        if entry is None or entry.caller.refusal is not None:
            await unknown()
        elif now - entry.asked < _BESIDE * self._fresh:
            self._look_beside(mark, token, entry)
            return _still_valid(entry.caller)
        return await self._look(mark, token, entry)

    def forget(self) -> None:
        """Ask MongoDB anew about everyone: something was changed here, and a look under way may be from before."""
        self._changes += 1
        self._refused.clear()
        for entry in self._known.values():
            entry.asked, entry.looking = float("-inf"), False

    def close(self) -> None:
        """Ask no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _look_beside(self, mark: bytes, token: str, entry: _Entry) -> None:
        entry.looking = True
        task = asyncio.create_task(self._look(mark, token, entry))
        self._tasks.add(task)
        task.add_done_callback(self._looked)

    def _looked(self, task: asyncio.Task[Caller]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("a caller could not be looked up again: %s", task.exception())

    async def _look(self, mark: bytes, token: str, entry: _Entry | None) -> Caller:
        now, changes = time.monotonic(), self._changes
        try:
            if self._away is not None and now < self._away_until:
                raise self._away
            found = await asyncio.get_running_loop().run_in_executor(self._threads, self._lookup, token)
        except StorageError as error:
            if error is not self._away:
                self._away, self._away_until = error, time.monotonic() + _AWAY_SECONDS
            return self._without(entry, error)
        finally:
            if entry is not None:
                entry.looking = False
        return self._keep(mark, found or _unknown(), now, now if changes == self._changes else float("-inf"))

    def _without(self, entry: _Entry | None, error: StorageError) -> Caller:
        """Who that is while MongoDB is away: a caller seen lately, or one that must come again."""
        now = time.monotonic()
        if entry is None or entry.caller.refusal is not None or now - entry.seen > self._grace:
            return refused(error)
        entry.asked = now
        return _still_valid(entry.caller)

    def _keep(self, mark: bytes, caller: Caller, seen: float, asked: float) -> Caller:
        self._known.pop(mark, None)
        self._refused.pop(mark, None)
        shelf, most = (self._known, MOST_KNOWN) if caller.refusal is None else (self._refused, MOST_REFUSED)
        shelf[mark] = _Entry(caller, seen, asked)
        if len(shelf) > most:
            shelf.popitem(last=False)
        return _still_valid(caller)


def _mark(token: str) -> bytes:
    """Under what a token is remembered: memory holds no token itself."""
    return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _still_valid(caller: Caller) -> Caller:
    return caller if time.time() < caller.expires else _unknown()


def _unknown() -> Caller:
    return refused("The token or key does not count: it is unknown, expired or withdrawn.")
