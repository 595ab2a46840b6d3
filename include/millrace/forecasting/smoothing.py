"""Exponential smoothing for short series: each forecast fits the series' own past, and nothing else (statsmodels)."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.base import BaseEstimator

from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.scales import from_scale, to_scale

MIN_VALUES = 4


class SmoothingModel(BaseEstimator):  # type: ignore[misc]
    """Holt-Winters on a plain, a log or a logit scale; a series too short for it keeps its last value."""

    def __init__(
        self, trend: str = "damped", seasonal: bool = False, scale: str = "plain", cap: float | None = None
    ) -> None:
        self.trend = trend
        self.seasonal = seasonal
        self.scale = scale
        self.cap = cap

    def fit(self, panel: Panel, horizon: int) -> SmoothingModel:
        """There is nothing to learn ahead: each forecast looks at the past of its origin."""
        return self

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """Each series continued from each origin."""
        known = panel.filled
        return np.stack(
            [[self._continued(line[:origin], panel.season, horizon) for line in known] for origin in origins]
        )

    def _continued(self, line: Array, season: int, horizon: int) -> Array:
        line = line[~np.isnan(line)]
        if len(line) < MIN_VALUES:
            return np.full(horizon, line[-1] if len(line) else np.nan)
        scaled = to_scale(line, self.scale, self.cap)
        seasonal = self.seasonal and season > 1 and len(line) >= 2 * season
        ahead = _smoothed(scaled, self.trend, season if seasonal else None, horizon)
        return from_scale(ahead, self.scale, self.cap)


def _smoothed(values: Array, trend: str, season: int | None, horizon: int) -> Array:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that stops early is scored like any other
        model = ExponentialSmoothing(
            values,
            trend=None if trend == "none" else "add",
            damped_trend=trend == "damped",
            seasonal="add" if season else None,
            seasonal_periods=season,
            initialization_method="estimated",
        )
        return np.asarray(model.fit().forecast(horizon))
