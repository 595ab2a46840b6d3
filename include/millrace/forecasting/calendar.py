"""What the calendar says of a step: hour, weekday, place in the year, holiday. All by the wall clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from millrace.errors import TrainingError
from millrace.forecasting.panel import Array, Panel

if TYPE_CHECKING:
    import pandas as pd

_YEAR_DAYS = 365.25
_WAVES = 3


def holiday_marks(times: pd.DatetimeIndex, country: str | None) -> Array:
    """1.0 at each step of a public holiday of the country, and of a part of it where one is named."""
    if country is None:
        return np.zeros(len(times))
    import holidays

    name, _, part = country.partition("-")
    try:
        known = holidays.country_holidays(name, subdiv=part or None, years=sorted(set(times.year)))
    except NotImplementedError as error:
        raise TrainingError(
            f"No holidays are known for '{country}'.",
            hint="Use a country's two letters, and a part of it where it has one: DE, US-CA.",
        ) from error
    days = times.normalize()
    free = {day for day in days.unique() if day.date() in known}
    return days.isin(list(free)).astype(float)


def year_waves(times: pd.DatetimeIndex) -> Array:
    """Where in the year a step lies, as sines and cosines (steps x 6)."""
    angle = 2 * np.pi * (times.dayofyear.to_numpy() - 1) / _YEAR_DAYS
    waves = [wave(order * angle) for order in range(1, _WAVES + 1) for wave in (np.sin, np.cos)]
    return np.column_stack(waves)


def step_marks(panel: Panel) -> dict[str, Array]:
    """The calendar of every step as plain numbers, by name; what never changes at this frequency is left out."""
    times = panel.times
    marks = {
        "slot": (times.hour.to_numpy() * 60 + times.minute.to_numpy()) / 60.0,
        "weekday": times.dayofweek.to_numpy(),
        "month": times.month.to_numpy(),
        "yearday": times.dayofyear.to_numpy(),
        "holiday": panel.holidays,
    }
    return {name: np.asarray(values, dtype=float) for name, values in marks.items() if len(np.unique(values)) > 1}
