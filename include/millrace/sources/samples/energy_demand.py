"""Synthetic: hourly electricity demand, with the columns of PJM's hourly files."""

from __future__ import annotations

import numpy as np
import pandas as pd

from millrace.sources.samples.signals import DAY, WEEK, YEAR, hours, table_of_day, times, utc, wave, weather

_PROFILE = np.array([-12, -15, -17, -17, -15, -10, -2, 4, 6, 7, 8, 8, 7, 7, 6, 6, 7, 10, 12, 12, 10, 6, -1, -8], float)


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on: a daily and a weekly course, heating and cooling, slow weather, noise."""
    time = hours(first, rows)
    temperature = 12 + 12 * wave(time, YEAR, 4800) + 5 * wave(time, DAY, 15) + 4 * weather(time)
    weekend = (time % WEEK) >= 5 * DAY
    demand = 14_600 * (1 + table_of_day(_PROFILE, time) / 100 - 0.09 * weekend)
    demand += 95 * np.maximum(10 - temperature, 0) + 190 * np.maximum(temperature - 20, 0)
    demand += 230 * rng.standard_normal(rows)
    return pd.DataFrame({"Datetime": utc(times("2018-01-01", first, rows, 60)), "AEP_MW": np.round(demand)})
