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
from millrace.forecasting.seasonal import SeasonalNaiveModel

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
        """Fit the regression; a series without a known value is left out (`left_`).

        Raises TrainingError where no step has all its lags.
        """
        if panel.end <= self._back:
            raise TrainingError(
                f"The series have {panel.end:,} known steps; the lags look {self._back:,} back.",
                hint="Use shorter lags, or widen the data interval.",
            )
        self.scales_ = _scales(panel)
        self.left_ = [name for name in panel.series if name not in self.scales_]
        self.horizon_ = horizon if self.strategy == "direct" else None
        pairs = [(0, place) for place, name in enumerate(panel.series) if name in self.scales_]
        rows = _long(panel, self.scales_, pairs, panel.end).dropna(subset=["y"])
        engine = self._engine()
        engine.fit(rows, static_features=[], max_horizon=self.horizon_, validate_data=False)
        fitted = engine.models_[_NAME]
        self.models_ = list(fitted.values()) if isinstance(fitted, dict) else [fitted]
        return self

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """Forecast from all origins in one call: each origin's past is a series of its own.

        Where a series has no past that is long enough, its values of a season ago stand in.
        """
        if self.horizon_ is not None and horizon > self.horizon_:
            raise TrainingError(f"The models were fitted for {self.horizon_} steps ahead, not {horizon}.")
        out = SeasonalNaiveModel().predict(panel, origins, horizon)
        asked = [
            (row, place)
            for row, origin in enumerate(origins)
            for place, name in enumerate(panel.series)
            if name in self.scales_ and self._has_past(panel, place, int(origin))
        ]
        if asked:
            values = self._ask(panel, [(int(origins[row]), place) for row, place in asked], horizon)
            for (row, place), line in zip(asked, values, strict=True):
                mean, spread = self.scales_[panel.series[place]]
                out[row, place] = line * spread + mean
        return out

    def _has_past(self, panel: Panel, place: int, origin: int) -> bool:
        back = self._back + 1
        return origin >= back and bool(np.isfinite(panel.filled[place, origin - back : origin]).all())

    def _ask(self, panel: Panel, asked: list[tuple[int, int]], horizon: int) -> Array:
        back = self._back + 1
        past = _long(panel, self.scales_, [(origin - back, place) for origin, place in asked], back)
        ahead = _long(panel, self.scales_, asked, horizon).drop(columns="y")
        engine = self._engine()
        engine.preprocess(past, static_features=[], dropna=False, max_horizon=self.horizon_, validate_data=False)
        engine.models_ = {_NAME: dict(enumerate(self.models_)) if self.horizon_ else self.models_[0]}
        given: Array = engine.predict(horizon, new_df=past, X_df=ahead)[_NAME].to_numpy()
        return given.reshape(len(asked), horizon)

    @property
    def _back(self) -> int:
        means = [lag + window for lag, window in (self.means or {}).items()]
        return max([*(self.lags or []), *means])

    def _engine(self) -> Any:
        from mlforecast import MLForecast
        from mlforecast.lag_transforms import RollingMean

        transforms = {int(lag): [RollingMean(int(window))] for lag, window in (self.means or {}).items()}
        return MLForecast(
            models={_NAME: clone(self.regressor)}, freq=1, lags=list(self.lags or []), lag_transforms=transforms
        )


def _scales(panel: Panel) -> dict[str, list[float]]:
    """Each begun series' mean and spread, so that large and small ones teach alike."""
    scales = {}
    for name, line in zip(panel.series, panel.values[:, : panel.end], strict=True):
        known = line[~np.isnan(line)]
        if len(known):
            scales[name] = [float(known.mean()), float(known.std()) or 1.0]
    return scales


def _long(panel: Panel, scales: dict[str, list[float]], starts: list[tuple[int, int]], steps: int) -> pd.DataFrame:
    """`steps` steps from each start (step and series) as rows of mlforecast: id, step, value, calendar, regressors."""
    marks, last = step_marks(panel), len(panel.times) - 1
    parts = []
    for number, (start, place) in enumerate(starts):
        own = np.arange(start, start + steps).clip(0, last)
        mean, spread = scales[panel.series[place]]
        columns: dict[str, Any] = {
            "unique_id": f"{number:08d}",
            "ds": np.arange(start, start + steps),
            "y": (panel.filled[place, own] - mean) / spread,
        }
        columns |= {mark: values[own] for mark, values in marks.items()}
        columns |= {f"known_{i}": panel.regressors[place, own, i] for i in range(panel.regressors.shape[2])}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
