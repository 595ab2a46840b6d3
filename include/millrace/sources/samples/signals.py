"""The parts that the synthetic tables are put together from: hours, daily and yearly waves, slow weather."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

DAY, WEEK, YEAR = 24.0, 168.0, 8766.0


def hours(first: int, rows: int) -> Floats:
    """The numbers of the rows as hours."""
    return np.arange(first, first + rows, dtype=np.float64)


def wave(time: Floats, period: float, phase: float = 0.0) -> Floats:
    """A sine of this period that has its maximum at `phase`."""
    return np.asarray(np.cos((time - phase) * (2 * np.pi / period)))


def weather(time: Floats, shift: float = 0.0) -> Floats:
    """Slow changes over days that do not repeat: about -1.5 to 1.5."""
    slow = np.sin((time + shift) / 17.3) * np.cos((time - shift) / 61.7)
    return np.asarray(slow + 0.7 * np.sin((time + 2 * shift) / 131.9))


def table_of_day(values: Floats, time: Floats) -> Floats:
    """A profile of the day (any number of equal steps), looked up for each time in hours."""
    steps = len(values)
    return np.asarray(values[(time * (steps / DAY)).astype(np.int64) % steps])


def times(start: str, first: int, rows: int, minutes: int) -> npt.NDArray[np.datetime64]:
    """Evenly spaced times."""
    step = np.timedelta64(minutes, "m")
    return np.asarray((np.datetime64(start, "m") + np.arange(first, first + rows) * step).astype("datetime64[ns]"))


def utc(moments: npt.NDArray[np.datetime64]) -> pd.DatetimeIndex:
    """Times as UTC-aware."""
    return pd.DatetimeIndex(moments).tz_localize("UTC")


def take(names: list[str], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    """The names at these positions."""
    return np.array(names, dtype=object)[positions]


def choose(rng: np.random.Generator, names: list[str], shares: list[float], rows: int) -> npt.NDArray[np.int64]:
    """Positions in `names`, drawn by their shares."""
    edges = np.cumsum(shares) / np.sum(shares)
    return np.minimum(np.searchsorted(edges, rng.random(rows), side="right"), len(names) - 1)
