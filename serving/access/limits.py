"""How often a caller may ask: counted in the process, or in Redis for all workers together.

While Redis is away the process counts by itself: a limit is never a reason to answer nobody.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from serving.access.failures import TooManyRequestsError

if TYPE_CHECKING:
    from limits.aio.strategies import FixedWindowRateLimiter as SharedLimiter

Limit = RateLimitItem | None
log = logging.getLogger(__name__)
_REDIS_SECONDS = 0.25
_REDIS_PAUSE = 5.0
_FEW = 100
_MOST_LEASES = 10_000


def read_limit(written: str) -> Limit:
    """`10/second`, `600 per minute`; None for 'none'. Raises ValueError."""
    if written.strip().lower() in {"", "none"}:
        return None
    try:
        return parse(written)
    except ValueError:
        raise ValueError(f"{written!r} is no limit; write '10/second', '600/minute' or 'none'") from None


@dataclass(slots=True)
class _Lease:
    """Requests that were counted before they came; what is left when the window ends is lost."""

    limit: RateLimitItem
    left: int
    ends: float


class RateLimits:
    """Counts requests by caller."""

    def __init__(self, redis_url: str | None = None) -> None:
        memory = MemoryStorage()
        # A small limit is counted exactly; for a large one that would keep thousands of times for each caller.
        self._exact, self._cheap = MovingWindowRateLimiter(memory), FixedWindowRateLimiter(memory)
        self._leases: dict[str, _Lease] = {}
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
        """Count requests at once, without waiting; False where they are too many, or where Redis must be asked."""
        if limit is None:
            return True
        if self._shared is not None:
            return self._from_lease(who, limit, requests)
        if limit.amount <= _FEW:
            return self._exact.hit(limit, who, cost=requests)
        return self._drawn(who, limit, requests)

    def _drawn(self, who: str, limit: RateLimitItem, requests: int) -> bool:
        """Draw on a lease, a hundredth of a large limit that was counted ahead: counting costs more than predicting."""
        if not self._from_lease(who, limit, requests):
            cost = max(requests, limit.amount // _FEW)
            if not self._cheap.test(limit, who, cost=cost) or not self._cheap.hit(limit, who, cost=cost):
                return False
            self._keep_lease(who, limit, cost - requests, self._cheap.get_window_stats(limit, who).reset_time)
        return True

    def _from_lease(self, who: str, limit: RateLimitItem, requests: int) -> bool:
        lease = self._leases.get(who)
        if lease is None or lease.limit is not limit or lease.left < requests or time.time() >= lease.ends:
            return False
        lease.left -= requests
        return True

    def _keep_lease(self, who: str, limit: RateLimitItem, left: int, ends: float) -> None:
        if len(self._leases) >= _MOST_LEASES:
            self._leases.clear()
        self._leases[who] = _Lease(limit, left, ends)

    def _counted_here(self, who: str, limit: RateLimitItem) -> None:
        limiter = self._exact if limit.amount <= _FEW else self._cheap
        if not limiter.hit(limit, who):
            _refuse(limit, limiter.get_window_stats(limit, who).reset_time)

    async def _counted_by_all(self, shared: SharedLimiter, who: str, limit: RateLimitItem) -> bool:
        """Whether Redis counted it; when it does not answer, it is left alone for some seconds."""
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                if await self._hit(shared, who, limit):
                    return True
                ends = (await shared.get_window_stats(limit, who)).reset_time
        except Exception as error:
            log.warning("Redis does not count requests (%s); each worker counts by itself", type(error).__name__)
            self._shared_again = time.monotonic() + _REDIS_PAUSE
            return False
        _refuse(limit, ends)
        return True

    async def _hit(self, shared: SharedLimiter, who: str, limit: RateLimitItem) -> bool:
        """Count one request in Redis; of a large limit a hundredth at a time, from which the next ones are taken."""
        if limit.amount <= _FEW:
            return await shared.hit(limit, who)
        if self._from_lease(who, limit, 1):
            return True
        cost = limit.amount // _FEW
        if await shared.test(limit, who, cost=cost) and await shared.hit(limit, who, cost=cost):
            ends = (await shared.get_window_stats(limit, who)).reset_time
            present = self._leases.get(who)  # another request may have drawn one meanwhile
            same = present is not None and present.limit is limit and time.time() < present.ends
            more = present.left if present is not None and same else 0
            self._keep_lease(who, limit, cost - 1 + more, ends)
            return True
        return await shared.hit(limit, who)


def _refuse(limit: RateLimitItem, ends: float) -> None:
    raise TooManyRequestsError.after(f"More than {limit} were asked for.", ends - time.time())


def _shared(url: str) -> SharedLimiter:
    from limits.aio.storage import RedisStorage
    from limits.aio.strategies import FixedWindowRateLimiter as SharedLimiter

    return SharedLimiter(RedisStorage(f"async+{url}", implementation="redispy"))
