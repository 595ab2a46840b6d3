"""Waits for what must come, instead of sleeping for as long as it might take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(held: Callable[[], T], what: str = "it", seconds: float = 60, pause: float = 0.05) -> T:
    """What `held` returns, once that is true; fails when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := held()):
        assert time.monotonic() < deadline, f"{what} never came, in {seconds} s"
        time.sleep(pause)
    return found
