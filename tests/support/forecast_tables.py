"""Tables with courses that a forecaster can learn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from millrace.forecasting.grid import panel_of
from millrace.forecasting.panel import Panel
from millrace.forecasting.plan import ForecastPlan


def demand(days: int = 90, cities: tuple[str, ...] = ("Lyon",), seed: int = 0, noise: float = 1.0) -> pd.DataFrame:
    """Hourly demand of some cities: a course over the day, quieter weekends, noise."""
    times = pd.date_range("2024-01-01", periods=24 * days, freq="h", tz="UTC")
    frames = []
    for place, city in enumerate(cities):
        rng = np.random.default_rng(seed + place)
        course = 10 * np.sin(2 * np.pi * (times.hour - 6) / 24) - 8 * (times.dayofweek >= 5)
        level = 100 * (place + 1)
        values = level + (place + 1) * course + noise * rng.standard_normal(len(times))
        frames.append(pd.DataFrame({"city": city, "at": times, "demand": values}))
    return pd.concat(frames, ignore_index=True)


def plan_of(**parts: object) -> ForecastPlan:
    return ForecastPlan.model_validate({"series": "city", "frequency": "h", "horizon": 24, **parts})


def panel(frame: pd.DataFrame, plan: ForecastPlan, notes: list[str] | None = None) -> Panel:
    heard: list[str] = [] if notes is None else notes
    return panel_of(frame, plan, time="at", target="demand", warn=heard.append)
