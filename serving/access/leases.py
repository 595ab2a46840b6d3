"""Requests that were counted before they came: a part of a large limit, drawn on until its window ends.

Counting each request by itself costs more than predicting one row. What is left of a lease when the window ends is
lost, so a caller may get a little less than its limit and never more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from limits import RateLimitItem

PARTS = 100
"""A limit of up to so many requests is counted one by one; a lease is that part of a larger one."""
_MOST_LEASES = 10_000


def lease_of(limit: RateLimitItem, requests: int) -> int:
    """How many requests to count ahead for a caller who wants so many now."""
    return max(requests, limit.amount // PARTS)


@dataclass(slots=True)
class _Lease:
    limit: RateLimitItem
    left: int
    ends: float


class Leases:
    """The leases of one process, by caller."""

    def __init__(self) -> None:
        self._leases: dict[str, _Lease] = {}

    def draw(self, who: str, limit: RateLimitItem, requests: int) -> bool:
        """Take from the caller's lease; False, with nothing taken, where it does not reach."""
        lease = self._leases.get(who)
        if lease is None or lease.limit is not limit or lease.left < requests or time.time() >= lease.ends:
            return False
        lease.left -= requests
        return True

    def grant(self, who: str, limit: RateLimitItem, requests: int, ends: float) -> None:
        """Let a caller draw on so many until the time `ends`."""
        if len(self._leases) >= _MOST_LEASES:
            self._leases.clear()
        self._leases[who] = _Lease(limit, requests, ends)
