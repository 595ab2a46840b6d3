"""Synthetic: hourly electricity demand of three cities, with a forecast of the temperature one week further."""

from __future__ import annotations

import numpy as np
import pandas as pd

from millrace.sources.samples.signals import DAY, WEEK, YEAR, table_of_day, take, times, utc, wave, weather

_CITIES = ["Bergen", "Madrid", "Tallinn"]
_BASE = np.array([620.0, 3400.0, 480.0])
_MEAN_TEMPERATURE = np.array([8.0, 15.0, 6.0])
_PROFILE = np.array([-16, -19, -21, -21, -19, -12, 0, 8, 10, 9, 8, 8, 7, 6, 5, 6, 8, 12, 15, 15, 12, 7, -3, -10], float)
_KNOWN_HOURS = 8_760
"""From then on only the temperature is known."""


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on, each hour once for each city: heating, cooling, working days, noise."""
    place = np.arange(first, first + rows)
    city, hour = place % len(_CITIES), place // len(_CITIES)
    time = hour.astype(np.float64)
    season = wave(time, YEAR, 4800)
    temperature = _MEAN_TEMPERATURE[city] + 10 * season + 4 * wave(time, DAY, 15) + 4 * weather(time + 400.0 * city)
    weekend = (time % WEEK) >= 5 * DAY
    share = 1 + table_of_day(_PROFILE, time) / 100 - 0.1 * weekend
    share += 0.014 * np.maximum(14 - temperature, 0) + 0.02 * np.maximum(temperature - 23, 0)
    demand = _BASE[city] * share * (1 + 0.012 * rng.standard_normal(rows))
    since = int(hour[0])
    moments = times("2024-01-01", since, int(hour[-1]) - since + 1, 60)
    return pd.DataFrame(
        {
            "observed_at": utc(moments[hour - since]),
            "city": take(_CITIES, city),
            "temperature": np.round(temperature, 1),
            "demand": np.where(hour < _KNOWN_HOURS, np.round(demand, 1), np.nan),
        }
    )
