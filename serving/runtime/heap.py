"""Gives memory back to the system that a load took for a moment.

Reading a model takes half as much again as the model needs, in pieces that the C library would keep for later; what
each worker keeps, it keeps once for every model.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any


def give_back() -> None:
    """Return what is free; does nothing where the C library cannot."""
    trim = _trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # only glibc has it
        return None
