"""A regression on lags over all series at once, by mlforecast: recursive, or one model for each step ahead.

Only the fitted regressions are kept; mlforecast's own state is made anew from whatever panel is asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from millrace.errors import TrainingError
from millrace.forecasting.calendar import step_marks
from millrace.forecasting.panel import Array, Panel

_NAME = "model"


class LagModel(BaseEstimator):  # type: ignore[misc]
    """One regression for all series, each on its own scale."""

    def __init__(
        self,
        regressor: Any = None,
        lags: list[int] | None = None,
        means: dict[int, int] | None = None,
        strategy: str = "recursive",
    ) -> None:
        self.regressor = regressor
        self.lags = lags
        self.means = means
        self.strategy = strategy

    def fit(self, panel: Panel, horizon: int) -> LagModel:
        """Fit the regression. Raises TrainingError where no step has all its lags."""
        if panel.end <= self._back:
            raise TrainingError(
                f"The series have {panel.end:,} known steps; the lags look {self._back:,} back.",
                hint="Use shorter lags, or widen the data interval.",
            )
        self.scales_ = _scales(panel)
        self.horizon_ = horizon if self.strategy == "direct" else None
        rows = _long(panel, self.scales_, np.zeros(1, dtype=int), panel.end, horizon=0)
        engine = self._engine()
        engine.fit(rows, static_features=[], max_horizon=self.horizon_, validate_data=False)
        fitted = engine.models_[_NAME]
        self.models_ = list(fitted.values()) if isinstance(fitted, dict) else [fitted]
        return self

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """Forecast from all origins in one call: each origin's past is a series of its own."""
        if self.horizon_ is not None and horizon > self.horizon_:
            raise TrainingError(f"The models were fitted for {self.horizon_} steps ahead, not {horizon}.")
        back = self._back + 1
        past = _long(panel, self.scales_, origins - back, back, horizon=0)
        ahead = _long(panel, self.scales_, origins, horizon, horizon=horizon).drop(columns="y")
        engine = self._engine()
        engine.preprocess(past, static_features=[], dropna=False, max_horizon=self.horizon_, validate_data=False)
        engine.models_ = {_NAME: dict(enumerate(self.models_)) if self.horizon_ else self.models_[0]}
        given = engine.predict(horizon, new_df=past, X_df=ahead)
        values = given[_NAME].to_numpy().reshape(len(origins), len(panel.series), horizon)
        mean, spread = self._scale(panel)
        scaled: Array = values * spread[None, :, None] + mean[None, :, None]
        return scaled

    @property
    def _back(self) -> int:
        means = [lag + window for lag, window in (self.means or {}).items()]
        return max([*(self.lags or []), *means])

    def _scale(self, panel: Panel) -> tuple[Array, Array]:
        pairs = np.array([self.scales_[name] for name in panel.series])
        return pairs[:, 0], pairs[:, 1]

    def _engine(self) -> Any:
        from mlforecast import MLForecast
        from mlforecast.lag_transforms import RollingMean

        transforms = {int(lag): [RollingMean(int(window))] for lag, window in (self.means or {}).items()}
        return MLForecast(
            models={_NAME: clone(self.regressor)}, freq=1, lags=list(self.lags or []), lag_transforms=transforms
        )


def _scales(panel: Panel) -> dict[str, list[float]]:
    """Each series' mean and spread, so that large and small ones teach alike."""
    scales = {}
    for name, line in zip(panel.series, panel.values[:, : panel.end], strict=True):
        known = line[~np.isnan(line)]
        if not len(known):
            raise TrainingError(f"The series '{name}' has no known value to learn from.", hint="Filter it out.")
        scales[name] = [float(known.mean()), float(known.std()) or 1.0]
    return scales


def _long(panel: Panel, scales: dict[str, list[float]], starts: Array, steps: int, horizon: int) -> pd.DataFrame:
    """`steps` steps from each start as rows of mlforecast: id, step, value, calendar, regressors.

    Rows before a series' first value are left out of a training table.
    """
    marks = step_marks(panel)
    last = len(panel.times) - 1
    parts = []
    for number, start in enumerate(starts):
        own = np.arange(start, start + steps).clip(0, last)
        for place, name in enumerate(panel.series):
            mean, spread = scales[name]
            columns: dict[str, Any] = {
                "unique_id": f"{number:06d}|{place:06d}",
                "ds": np.arange(start, start + steps),
                "y": (panel.filled[place, own] - mean) / spread,
            }
            columns |= {mark: values[own] for mark, values in marks.items()}
            columns |= {f"known_{i}": panel.regressors[place, own, i] for i in range(panel.regressors.shape[2])}
            part = pd.DataFrame(columns)
            parts.append(part if horizon else part.dropna(subset=["y"]))
    return pd.concat(parts, ignore_index=True)
