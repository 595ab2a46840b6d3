"""The forecasts that need no learning: the value of a season ago, and the straight line through the ends."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from millrace.forecasting.panel import Array, Panel


class SeasonalNaiveModel(BaseEstimator):  # type: ignore[misc]
    """Each value is that of the last season, or the last known one; `season` None: the panel's own."""

    def __init__(self, season: int | None = None) -> None:
        self.season = season

    def fit(self, panel: Panel, horizon: int) -> SeasonalNaiveModel:
        """There is nothing to learn."""
        return self

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """The last season before each origin, again and again."""
        season = self.season or panel.season
        ahead = np.arange(horizon)
        steps = origins[:, None] - season + (ahead % season)[None, :]
        found: Array = panel.filled[:, np.maximum(steps, 0)].transpose(1, 0, 2)
        found = np.where((steps >= 0)[:, None, :], found, np.nan)
        last = panel.filled[:, np.maximum(origins - 1, 0)].T[:, :, None]
        return np.where(np.isnan(found), last, found)


class DriftModel(BaseEstimator):  # type: ignore[misc]
    """The straight line through the first and the last known value, continued."""

    def fit(self, panel: Panel, horizon: int) -> DriftModel:
        """There is nothing to learn."""
        return self

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """The line from each origin on."""
        return np.stack([self._from(panel.values[:, :origin], horizon) for origin in origins])

    def _from(self, known: Array, horizon: int) -> Array:
        lines = np.full((len(known), horizon), np.nan)
        for place, line in enumerate(known):
            steps = np.flatnonzero(~np.isnan(line))
            if len(steps):
                first, last = steps[0], steps[-1]
                slope = (line[last] - line[first]) / max(last - first, 1)
                ahead = known.shape[1] - last + np.arange(horizon)
                lines[place] = line[last] + slope * ahead
        return lines
