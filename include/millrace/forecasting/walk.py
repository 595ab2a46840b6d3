"""Walks through the past: each forecast is made again at its origin, by a model fitted before it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from millrace.errors import TrainingError
from millrace.forecasting.base import Forecaster
from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.plan import ForecastPlan


def last_origin(panel: Panel, plan: ForecastPlan) -> int:
    """The step from which the next forecast begins: the latest allowed one with all steps before it in the past."""
    if panel.day_steps is None:
        return panel.end
    first = panel.times[0]
    of_day = (first.hour * 60 + first.minute) * panel.day_steps // 1440
    return panel.end - (of_day + panel.end - plan.origin_step) % panel.day_steps


def past_origins(panel: Panel, plan: ForecastPlan) -> tuple[Array, Array]:
    """The origins of the backtest: those that choose, and those that are held out. Raises TrainingError."""
    last = last_origin(panel, plan)
    held_from = last - plan.held_out
    every = np.arange(last - plan.every, 0, -plan.every)[::-1]
    choosing = every[(every < held_from) & (every >= held_from - plan.choose)]
    held = every[every >= held_from]
    if not len(choosing) or not len(held):
        raise TrainingError(
            f"The series have {panel.end:,} steps; backtests over {plan.choose:,} and {plan.held_out:,} held-out steps "
            "leave nothing to learn from.",
            hint="Shorten forecast.backtest.choose and held_out, or widen the data interval.",
        )
    return choosing, held


def walk(make: Callable[[], Forecaster], panel: Panel, origins: Array, horizon: int, refit: int) -> Array:
    """The forecasts from each origin (origins x series x horizon), with a new fit before each `refit` of them."""
    return np.concatenate([ahead(make(), panel, group, horizon) for group in groups(origins, refit)])


def groups(origins: Array, refit: int) -> list[Array]:
    """The origins that share a fit."""
    return [origins[start : start + refit] for start in range(0, len(origins), refit)]


def ahead(forecaster: Forecaster, panel: Panel, group: Array, horizon: int) -> Array:
    """The forecasts from the origins of one group, by a model fitted before the first of them."""
    model = forecaster.fit(panel.until(int(group[0])), horizon)
    return model.predict(panel.until(int(group[-1])), group, horizon)
