"""Synthetic: hourly generation by source and the price, with the columns of a Spanish table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from millrace.sources.samples.signals import DAY, WEEK, YEAR, hours, times, utc, wave, weather


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on; the price follows coal and falls with the sun."""
    time = hours(first, rows)
    noise = rng.standard_normal((6, rows))
    sun = np.maximum(wave(time, DAY, 13), 0) ** 1.3 * (1 + 0.35 * wave(time, YEAR, 4200)) * (1 + 0.1 * noise[0])
    weekend = (time % WEEK) >= 5 * DAY
    coal = np.maximum(4300 + 1500 * weather(time, 90.0) + 900 * wave(time, DAY, 20) - 900 * weekend + 250 * noise[1], 0)
    price = 38 + 0.0052 * coal - 7 * sun + 4 * wave(time, DAY, 20) + 3 * noise[2]
    columns = {
        "generation_biomass": 380 + 60 * weather(time, 40.0) + 12 * noise[3],
        "generation_fossil_hard_coal": coal,
        "generation_fossil_oil": 300 + 30 * wave(time, DAY, 20) + 15 * noise[4],
        "generation_nuclear": 6300 + 700 * weather(time / 4) + 10 * noise[5],
        "generation_other_renewable": 85 + 9 * weather(time, 5.0),
        "generation_solar": 2900 * sun,
        "generation_waste": 270 + 40 * weather(time, 77.0),
    }
    whole = {name: np.round(np.maximum(values, 0)) for name, values in columns.items()}
    return pd.DataFrame(
        {"date": utc(times("2015-01-01", first, rows, 60)), **whole, "price_actual": np.round(price, 2)}
    )
