"""The ids of requests: UUIDs of version 7 in hexadecimal (RFC 9562), which begin with the time they were made at.

An id is not a secret. Its time leads from a prediction's id to its record without an index over all ids.
"""

from __future__ import annotations

import re
import time
from random import Random

_OURS = re.compile(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
_random = Random()  # noqa: S311 - seeded by the system for each process, and many times faster than asking it again
_VARIANT, _CLEARED = 2 << 62, (1 << 76) - 1 - (3 << 62)


def new_id() -> str:
    """A new id: 32 hexadecimal digits."""
    return f"{time.time_ns() // 1_000_000:012x}7{_random.getrandbits(76) & _CLEARED | _VARIANT:019x}"


def time_of(identity: str) -> float | None:
    """When an id was made, in seconds since 1970; None for one that does not say."""
    return int(identity[:12], 16) / 1000 if _OURS.fullmatch(identity) else None
