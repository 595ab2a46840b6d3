"""How often a caller may ask: counted in the process, or in Redis for all workers together.

While Redis is away the process counts by itself: a limit is never a reason to answer nobody.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from serving.access.failures import TooManyRequestsError
from serving.access.leases import PARTS, Leases, lease_of

if TYPE_CHECKING:
    from limits.aio.strategies import FixedWindowRateLimiter as SharedLimiter

Limit = RateLimitItem | None
log = logging.getLogger(__name__)
_REDIS_SECONDS = 0.25
_REDIS_PAUSE = 5.0


def read_limit(written: str) -> Limit:
    """`10/second`, `600 per minute`; None for 'none'. Raises ValueError."""
    if written.strip().lower() in {"", "none"}:
        return None
    try:
        return parse(written)
    except ValueError:
        raise ValueError(f"{written!r} is no limit; write '10/second', '600/minute' or 'none'") from None


class RateLimits:
    """Counts requests by caller."""

    def __init__(self, redis_url: str | None = None) -> None:
        memory = MemoryStorage()
        # A small limit is counted exactly; for a large one that would keep thousands of times for each caller.
        self._exact, self._cheap = MovingWindowRateLimiter(memory), FixedWindowRateLimiter(memory)
        self._leases = Leases()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._shared = _shared(redis_url) if redis_url else None
        self._shared_again = 0.0

    async def count(self, who: str, limit: Limit) -> None:
        """Count one request. Raises TooManyRequestsError with the time to wait."""
        if limit is None:
            return
        shared = self._shared if time.monotonic() >= self._shared_again else None
        if shared is None or not await self._counted_by_all(shared, who, limit):
            self._counted_here(who, limit)

    def takes(self, who: str, limit: Limit, requests: int) -> bool:
        """Count requests without waiting; False where they are too many, or where only `count` can say.

        Where Redis counts, a lease is asked for beside this, for the requests after these.
        """
        if limit is None or self._leases.draw(who, limit, requests):
            return True
        if self._shared is not None and time.monotonic() >= self._shared_again:
            self._lease_beside(self._shared, who, limit)
            return False
        if limit.amount <= PARTS:
            return self._exact.hit(limit, who, cost=requests)
        cost = lease_of(limit, requests)
        if not self._cheap.test(limit, who, cost=cost) or not self._cheap.hit(limit, who, cost=cost):
            return False
        self._leases.grant(who, limit, cost, self._cheap.get_window_stats(limit, who).reset_time)
        return self._leases.draw(who, limit, requests)

    def _lease_beside(self, shared: SharedLimiter, who: str, limit: RateLimitItem) -> None:
        if limit.amount <= PARTS or who in self._asking:
            return
        task = self._asking[who] = asyncio.create_task(self._lease(shared, who, limit))
        task.add_done_callback(lambda _: self._asking.pop(who, None))

    async def _lease(self, shared: SharedLimiter, who: str, limit: RateLimitItem) -> None:
        cost = lease_of(limit, 1)
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                if await shared.test(limit, who, cost=cost) and await shared.hit(limit, who, cost=cost):
                    self._leases.grant(who, limit, cost, (await shared.get_window_stats(limit, who)).reset_time)
        except Exception as error:
            self._leave_alone(error)

    def _leave_alone(self, error: Exception) -> None:
        log.warning("Redis does not count requests (%s); each worker counts by itself", type(error).__name__)
        self._shared_again = time.monotonic() + _REDIS_PAUSE

    def _counted_here(self, who: str, limit: RateLimitItem) -> None:
        limiter = self._exact if limit.amount <= PARTS else self._cheap
        if not limiter.hit(limit, who):
            _refuse(limit, limiter.get_window_stats(limit, who).reset_time)

    async def _counted_by_all(self, shared: SharedLimiter, who: str, limit: RateLimitItem) -> bool:
        """Whether Redis counted it; when it does not answer, it is left alone for some seconds."""
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                if await shared.hit(limit, who):
                    return True
                ends = (await shared.get_window_stats(limit, who)).reset_time
        except Exception as error:
            self._leave_alone(error)
            return False
        _refuse(limit, ends)
        return True


def _refuse(limit: RateLimitItem, ends: float) -> None:
    raise TooManyRequestsError.after(f"More than {limit} were asked for.", ends - time.time())


def _shared(url: str) -> SharedLimiter:
    from limits.aio.storage import RedisStorage
    from limits.aio.strategies import FixedWindowRateLimiter as SharedLimiter

    return SharedLimiter(RedisStorage(f"async+{url}", implementation="redispy"))
