"""What is registered as a version of a forecast: a fitted forecaster with the forecasts it has to show for its past.

The record of the walk makes every question about the past honest: a forecast before the fit is answered from the
record, which was made by models that had not seen it; only a later one is made by the fitted model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from millrace.errors import TrainingError
from millrace.forecasting.intervals import bands
from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.plan import ForecastPlan

_MADE_FOR = ("series", "frequency", "horizon", "timezone", "origin", "season_steps", "holidays", "regressors")


@dataclass(frozen=True)
class Forecast:
    """Values with their bounds: origins x series x horizon."""

    values: Array
    lower: Array
    upper: Array


class ForecastModel(BaseEstimator):  # type: ignore[misc]
    """A fitted forecaster, its plan (as a document), its series, and its record: walked origins and forecasts.

    Origins and `fitted_until` are wall-clock nanoseconds, which outlive the grid of one run.
    """

    def __init__(
        self,
        plan: dict[str, Any] | None = None,
        forecaster: Any = None,
        series: list[str] | None = None,
        fitted_until: int = 0,
        walked: Any = None,
        record: Any = None,
    ) -> None:
        self.plan = plan
        self.forecaster = forecaster
        self.series = series
        self.fitted_until = fitted_until
        self.walked = walked
        self.record = record

    def differences(self, plan: ForecastPlan) -> list[str]:
        """What a plan asks otherwise than this model was made for, in words; its rules and intervals may differ."""
        own = self._plan
        return [
            f"{name} {getattr(own, name)}, not {getattr(plan, name)}"
            for name in _MADE_FOR
            if getattr(own, name) != getattr(plan, name)
        ]

    def values(self, panel: Panel, origins: Array) -> Array:
        """The forecasts from these origins, within the plan's bounds; NaN for one that cannot be told honestly."""
        known = panel.only(self.series or [])
        times = panel.nanoseconds(origins)
        out = np.full((len(origins), len(known.series), self._plan.horizon), np.nan)
        places = np.searchsorted(self.walked, times).clip(max=max(len(self.walked) - 1, 0))
        recorded = self.walked[places] == times
        out[recorded] = self.record[places[recorded]][:, [(self.series or []).index(name) for name in known.series]]
        fresh = ~recorded & (times >= self.fitted_until)
        if fresh.any():
            out[fresh] = self.forecaster.predict(known, origins[fresh], self._plan.horizon)
        bounds = self._plan.bounds
        clipped: Array = np.clip(out, bounds.min if bounds.min is not None else -np.inf, bounds.max)
        return clipped

    def forecast(self, panel: Panel, origins: Array) -> Forecast:
        """The forecasts from these origins with their intervals, which all earlier forecasts have shaped."""
        chain = np.union1d(self._past(panel, int(origins.max())), origins)
        known = panel.only(self.series or [])
        values = self.values(panel, chain)
        lower, upper = bands(chain, values, known.truth(chain, self._plan.horizon), self._plan.intervals)
        bounds, rows = self._plan.bounds, np.searchsorted(chain, origins)
        least = bounds.min if bounds.min is not None else -np.inf
        return Forecast(values[rows], np.clip(lower[rows], least, bounds.max), np.clip(upper[rows], least, bounds.max))

    def _past(self, panel: Panel, last: int) -> Array:
        """The walked origins and, after the fit, those at the plan's distance up to `last`."""
        walked = panel.steps_at(self.walked)
        fitted = panel.steps_at(np.array([self.fitted_until]))[0]
        later = np.arange(last, fitted - 1, -self._plan.every) if fitted >= 0 else np.empty(0, dtype=int)
        known = np.concatenate([walked[walked >= 0], later]).astype(int)
        return np.unique(known[known <= last])

    @property
    def _plan(self) -> ForecastPlan:
        if self.plan is None:
            raise TrainingError("The forecast model has no plan.", hint="Train again.")
        return ForecastPlan.model_validate(self.plan)
