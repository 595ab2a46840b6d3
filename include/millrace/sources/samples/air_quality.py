"""Synthetic: hourly gas sensors beside a busy street, with the columns of UCI Air Quality; missing values are null."""

from __future__ import annotations

import numpy as np
import pandas as pd

from millrace.sources.samples.signals import DAY, WEEK, YEAR, hours, table_of_day, take, wave, weather

_START = np.datetime64("2004-03-10T18", "h")
_RUSH = np.array([5, 3, 2, 1, 1, 2, 6, 14, 18, 14, 11, 10, 10, 10, 10, 11, 13, 17, 20, 19, 14, 11, 9, 7], np.float64)
_CLOCK = [f"{hour:02d}.00.00" for hour in range(24)]


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on; CO and the other gases follow traffic, wind and temperature."""
    time = hours(first, rows)
    clock = time + 18
    weekend = ((clock + 2 * DAY) % WEEK) >= 5 * DAY
    traffic = table_of_day(_RUSH, clock) / 10 * np.where(weekend, 0.7, 1.0)
    temperature = 18 + 9 * wave(time, YEAR, 3300) + 5 * wave(clock, DAY, 15) + 2.5 * weather(time)
    still_air = np.exp(0.35 * weather(time, 700.0) - 0.012 * (temperature - 18))
    load = traffic * still_air * np.exp(0.12 * rng.standard_normal(rows))
    humidity = np.clip(55 - 1.4 * (temperature - 18) + 9 * weather(time, 300.0) + 4 * rng.standard_normal(rows), 9, 89)
    columns = {
        "CO(GT)": 0.3 + 1.85 * load + 0.15 * rng.standard_normal(rows),
        "PT08.S1(CO)": 790 + 270 * np.sqrt(load) + 3 * temperature + 30 * rng.standard_normal(rows),
        "NMHC(GT)": 60 + 150 * load + 40 * rng.standard_normal(rows),
        "C6H6(GT)": 1.0 + 8.7 * load + 0.5 * rng.standard_normal(rows),
        "PT08.S2(NMHC)": 520 + 400 * np.sqrt(load) + 15 * rng.standard_normal(rows),
        "NOx(GT)": 30 + 190 * load - 3 * (temperature - 18) + 25 * rng.standard_normal(rows),
        "PT08.S3(NOx)": 400 + 480 / (0.5 + load) + 30 * rng.standard_normal(rows),
        "NO2(GT)": 55 + 52 * np.sqrt(load) - 0.8 * (temperature - 18) + 10 * rng.standard_normal(rows),
        "PT08.S4(NO2)": 830 + 330 * load + 18 * temperature + 60 * rng.standard_normal(rows),
        "PT08.S5(O3)": 420 + 560 * load + 60 * rng.standard_normal(rows),
        "T": temperature + 0.2 * rng.standard_normal(rows),
        "RH": humidity,
        "AH": humidity / 100 * 0.611 * 10 ** (7.5 * temperature / (237.3 + temperature)),
    }
    numbers = {name: np.round(np.maximum(values, 0.1), 4 if name == "AH" else 1) for name, values in columns.items()}
    numbers["T"] = np.round(columns["T"], 1)
    _lose(rng, numbers, rows)
    return pd.DataFrame({**_date_and_time(first, rows), **numbers})


def _lose(rng: np.random.Generator, numbers: dict[str, np.ndarray], rows: int) -> None:
    """Gaps as the real device has them: the reference analysers often, the sensors all at once and seldom."""
    draw = rng.random(rows)
    for name, share in (("CO(GT)", 0.18), ("NMHC(GT)", 0.9), ("NOx(GT)", 0.175), ("NO2(GT)", 0.175)):
        numbers[name][draw < share] = np.nan
        draw = (draw * 7.31 + 0.177) % 1.0
    down = rng.random(rows) < 0.039
    for name in (
        "PT08.S1(CO)",
        "C6H6(GT)",
        "PT08.S2(NMHC)",
        "PT08.S3(NOx)",
        "PT08.S4(NO2)",
        "PT08.S5(O3)",
        "T",
        "RH",
        "AH",
    ):
        numbers[name][down] = np.nan


def _date_and_time(first: int, rows: int) -> dict[str, np.ndarray]:
    moments = _START + np.arange(first, first + rows)
    days = moments.astype("datetime64[D]")
    one_each = np.arange(days[0], days[-1] + 1)
    written = [f"{day[8:]}/{day[5:7]}/{day[:4]}" for day in map(str, one_each)]
    hour = (moments - days).astype(np.int64)
    return {"Date": take(written, (days - days[0]).astype(np.int64)), "Time": take(_CLOCK, hour)}
