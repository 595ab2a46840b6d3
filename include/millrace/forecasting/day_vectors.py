"""Whole days as vectors: a day's values from those of the days before, by one regression for each series.

A ridge on day vectors is the LEAR model of electricity-price forecasting; a network with one output for each step
learns the shape of a day at once. Days begin at the forecast's origin, by the wall clock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from millrace.errors import TrainingError
from millrace.forecasting.calendar import year_waves
from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.seasonal import SeasonalNaiveModel

MIN_DAYS = 30


class DayVectorModel(BaseEstimator):  # type: ignore[misc]
    """One regression a series, from the vectors of `days` ago to the vector of the day; the mean of `regressors`."""

    def __init__(
        self, regressors: list[Any] | None = None, days: list[int] | None = None, history: int | None = None
    ) -> None:
        self.regressors = regressors
        self.days = days
        self.history = history

    def fit(self, panel: Panel, horizon: int) -> DayVectorModel:
        """Fit each series on its own days; one with too few is left to the values of a season ago (`left_`).

        Raises TrainingError where all have too few.
        """
        self.models_: dict[str, Any] = {}
        self.scales_: dict[str, list[float]] = {}
        starts = _day_starts(panel, max(self.days or [1]))
        starts = starts[-self.history :] if self.history else starts
        most = 0
        for place, name in enumerate(panel.series):
            targets = panel.values[place][starts[:, None] + np.arange(_day(panel))[None, :]]
            inputs = self._inputs(panel, place, starts)
            whole = np.isfinite(targets).all(axis=1) & np.isfinite(inputs).all(axis=1)
            most = max(most, int(whole.sum()))
            if whole.sum() >= MIN_DAYS:
                self._fit_one(name, inputs[whole], targets[whole], _day(panel))
        if not self.models_:
            raise TrainingError(
                f"No series has {MIN_DAYS} whole days to learn from; the longest has {most}.",
                hint="Widen the data interval, interpolate longer gaps, or use another candidate.",
            )
        self.left_ = [name for name in panel.series if name not in self.models_]
        return self

    def _fit_one(self, name: str, inputs: Array, targets: Array, day: int) -> None:
        mean, spread = float(targets.mean()), float(targets.std()) or 1.0
        self.scales_[name] = [mean, spread]
        scaled = self._scaled(inputs, name, day)
        self.models_[name] = [clone(model).fit(scaled, (targets - mean) / spread) for model in self.regressors or []]

    def _scaled(self, inputs: Array, name: str, day: int) -> Array:
        """The inputs with the past values on the scale of the series; the calendar's numbers are small already."""
        mean, spread = self.scales_[name]
        past = day * len(self.days or [])
        return np.column_stack([(inputs[:, :past] - mean) / spread, inputs[:, past:]])

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """Day after day; a day that is itself forecast is the past of the next one."""
        day, longest = _day(panel), max(self.days or [1])
        blocks = -(-horizon // day)
        out = np.empty((len(origins), len(panel.series), blocks * day))
        back = np.arange(-longest * day, 0)
        naive = SeasonalNaiveModel().predict(panel, origins, blocks * day)
        for place, name in enumerate(panel.series):
            if name not in self.models_:
                out[:, place] = naive[:, place]
                continue
            known = panel.filled[place][(origins[:, None] + back).clip(min=0)]
            for block in range(blocks):
                values = self._ask(panel, known, place, name, origins + block * day)
                out[:, place, block * day : (block + 1) * day] = values
                known = np.column_stack([known[:, day:], values])
        return out[:, :, :horizon]

    def _ask(self, panel: Panel, known: Array, place: int, name: str, starts: Array) -> Array:
        day, (mean, spread) = _day(panel), self.scales_[name]
        past = [known[:, known.shape[1] - lag * day :][:, :day] for lag in self.days or []]
        inputs = self._scaled(np.column_stack([*past, self._marks(panel, place, starts)]), name, day)
        whole = np.isfinite(inputs).all(axis=1)
        given = np.full((len(starts), day), np.nan)
        if whole.any():
            answers = [np.asarray(model.predict(inputs[whole])) for model in self.models_[name]]
            given[whole] = np.mean(answers, axis=0) * spread + mean
        return given

    def _inputs(self, panel: Panel, place: int, starts: Array) -> Array:
        steps = starts[:, None] + np.arange(_day(panel))[None, :]
        past = [panel.filled[place][steps - lag * _day(panel)] for lag in self.days or []]
        return np.column_stack([*past, self._marks(panel, place, starts)])

    def _marks(self, panel: Panel, place: int, starts: Array) -> Array:
        """The calendar of these days, and what is known ahead of them."""
        steps = (starts[:, None] + np.arange(_day(panel))[None, :]).clip(max=len(panel.times) - 1)
        regressors = panel.regressors[place][steps].reshape(len(starts), -1)
        return np.column_stack([_day_marks(panel, starts, _day(panel)), regressors])


def _day(panel: Panel) -> int:
    if panel.day_steps is None:
        raise TrainingError("day_vector needs steps within a day.", hint="Use another candidate for longer steps.")
    return panel.day_steps


def _day_starts(panel: Panel, longest: int) -> Array:
    """The steps at which whole known days begin that have `longest` days before them."""
    day = _day(panel)
    first = panel.times[0]
    of_day = (first.hour * 60 + first.minute) * day // 1440
    offset = (panel.origin_step - of_day) % day
    starts = np.arange(offset, panel.end - day + 1, day)
    return starts[starts >= longest * day]


def _day_marks(panel: Panel, starts: Array, day: int) -> Array:
    """Weekday, place in the year, and the holidays about a day."""
    middle = np.minimum(starts + day // 2, len(panel.times) - 1)
    times = panel.times[middle]
    weekday = np.eye(7)[times.dayofweek.to_numpy()]
    near = [panel.holidays[(middle + shift * day).clip(0, len(panel.times) - 1)] for shift in (-7, -1, 0, 1)]
    return np.column_stack([weekday, year_waves(times), *near])
