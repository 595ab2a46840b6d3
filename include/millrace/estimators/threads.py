"""How many threads one fit may use: candidates are often fitted side by side in processes of their own."""

from __future__ import annotations

import os

VARIABLE = "MILLRACE_TRAIN_THREADS"


def training_threads() -> int:
    """The number that MILLRACE_TRAIN_THREADS gives, else all cores that this process may use."""
    given = os.environ.get(VARIABLE, "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
