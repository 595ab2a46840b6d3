"""Synthetic: vehicles of each quarter of an hour; the situation is a rule on the counts, with some noise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from millrace.sources.samples.signals import hours, table_of_day, take

_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_LEVELS = ["low", "normal", "high", "heavy"]
_START = np.datetime64("2023-10-10", "D")
_FLOW = np.array([3, 2, 2, 2, 4, 8, 11, 13, 12, 10, 9, 9, 10, 10, 10, 11, 13, 14, 13, 10, 8, 7, 5, 4], np.float64) / 10


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on; `Date` is the day of the month."""
    slot = np.arange(first, first + rows)
    clock = hours(first, rows) / 4
    day = slot // 96
    weekday = (day + 1) % 7
    flow = table_of_day(_FLOW, clock) * np.where(weekday >= 5, 0.75, 1.0)
    cars = rng.poisson(70 * flow)
    bikes = rng.poisson(15 * flow)
    buses = rng.poisson(15 * flow**1.5)
    trucks = rng.poisson(9 + 12 * (1 - np.minimum(flow, 1)))
    total = cars + bikes + buses + trucks
    level = np.digitize(total + 4 * rng.standard_normal(rows), [55, 105, 145])
    return pd.DataFrame(
        {
            "Time": take(_clock(), slot % 96),
            "Date": _day_of_month(day),
            "Day of the week": take(_DAYS, weekday),
            "CarCount": cars,
            "BikeCount": bikes,
            "BusCount": buses,
            "TruckCount": trucks,
            "Total": total,
            "Traffic Situation": take(_LEVELS, level),
        }
    )


def _clock() -> list[str]:
    return [f"{(s // 4) % 12 or 12}:{s % 4 * 15:02d}:00 {'AM' if s < 48 else 'PM'}" for s in range(96)]


def _day_of_month(day: np.ndarray) -> np.ndarray:
    dates = _START + day
    return np.asarray((dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1)
