"""How many threads one fit may use: candidates are often fitted side by side in processes of their own."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any

VARIABLE = "MILLRACE_TRAIN_THREADS"
SMALL_TABLE_ROWS = 50_000


def training_threads() -> int:
    """The number that MILLRACE_TRAIN_THREADS gives, else all cores that this process may use."""
    given = os.environ.get(VARIABLE, "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def native_threads(rows: int) -> int:
    """The number for OpenMP and BLAS, whose threads wait for each other by spinning.

    On a small table they gain nothing, and where another process needs the core they cost many times the work.
    """
    return 1 if rows < SMALL_TABLE_ROWS else training_threads()


def bounded_threads(rows: int) -> AbstractContextManager[Any]:
    """Holds OpenMP and BLAS to `native_threads` while models are fitted or asked."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(native_threads(rows))
    return limits
