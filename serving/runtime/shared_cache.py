"""Remembers answers in Redis, for all workers together.

Redis is never needed: while it is away or slow, nothing is found and nothing is kept, and it is left alone for some
seconds. What it holds is read as data of a fixed form and as nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from serving.runtime.loaded_model import Predictions

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger(__name__)
SECONDS, PAUSE = 0.05, 5.0
MOST_WRITES, MOST_CONNECTIONS = 100, 32
_PREFIX = b"millrace:answer:"


class _Kept(msgspec.Struct, array_like=True, gc=False):
    """An answer as Redis holds it, and until when it counts, in seconds since 1970."""

    until: float
    value: Any
    confidence: float | None
    probabilities: dict[str, float] | None


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(_Kept).decode


class SharedCache:
    """The answers in one Redis."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Redis | None = None
        self._again = 0.0
        self._writes: set[asyncio.Task[None]] = set()
        self.error: str | None = None
        """Why Redis is left alone, or None."""

    async def get(self, key: bytes) -> tuple[Predictions, float] | None:
        """An answer, and for how many seconds it still counts; None where there is none, or no Redis."""
        content = await self._ask(lambda redis: redis.get(_name(key)))
        try:
            kept = _decode(content) if isinstance(content, bytes) else None
        except msgspec.MsgspecError:
            return None
        if kept is None or kept.until <= time.time():
            return None
        found = Predictions(
            [kept.value],
            None if kept.confidence is None else [kept.confidence],
            None if kept.probabilities is None else [kept.probabilities],
        )
        return found, kept.until - time.time()

    def put(self, key: bytes, answer: Predictions, seconds: float) -> None:
        """Keep an answer, beside the request. Where too many are on their way already, it is not kept."""
        if len(self._writes) >= MOST_WRITES or time.monotonic() < self._again:
            return
        confidence = answer.confidences[0] if answer.confidences else None
        shares = answer.probabilities[0] if answer.probabilities else None
        try:
            content = _encode(_Kept(time.time() + seconds, answer.values[0], confidence, shares))
        except (TypeError, ValueError, OverflowError):  # a label that Redis cannot hold
            return
        task = asyncio.create_task(self._set(_name(key), content, seconds))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Ask no more."""
        for task in list(self._writes):
            task.cancel()
        if self._client is not None:
            await self._client.aclose()

    async def _set(self, name: bytes, content: bytes, seconds: float) -> None:
        await self._ask(lambda redis: redis.set(name, content, px=max(1, int(seconds * 1000))))

    async def _ask(self, question: Any) -> Any:
        """Redis' answer; None while it is away."""
        if time.monotonic() < self._again:
            return None
        try:
            async with asyncio.timeout(SECONDS):
                answer: Awaitable[Any] = question(self._redis())
                found = await answer
        except Exception as error:
            if self.error is None:
                log.warning("Redis is not asked for answers for a while: %s", type(error).__name__)
            self.error, self._again = f"{type(error).__name__}: {error}", time.monotonic() + PAUSE
            return None
        if self.error is not None:
            log.info("Redis is asked for answers again")
        self.error = None
        return found

    def _redis(self) -> Redis:
        if self._client is None:
            from redis.asyncio import BlockingConnectionPool, Redis

            pool = BlockingConnectionPool.from_url(self._url, max_connections=MOST_CONNECTIONS, timeout=SECONDS)
            self._client = Redis.from_pool(pool)
        return self._client


def _name(key: bytes) -> bytes:
    return _PREFIX + blake2b(key, digest_size=24).hexdigest().encode()
