"""Growth that all series share: each goes on from where it stands, by the median gain of all of them together.

On a logit scale that is one S-curve for all, as new things spread; short series learn from the others.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from millrace.errors import TrainingError
from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.scales import from_scale, to_scale


class SharedGrowthModel(BaseEstimator):  # type: ignore[misc]
    """The median gain a step of all series on the scale: the first jumps from nearly nothing do not count for more."""

    def __init__(self, scale: str = "logit", cap: float | None = None) -> None:
        self.scale = scale
        self.cap = cap

    def fit(self, panel: Panel, horizon: int) -> SharedGrowthModel:
        """Learn the gain from all neighbouring values. Raises TrainingError where there are none."""
        known = to_scale(panel.values[:, : panel.end], self.scale, self.cap)
        gains = np.diff(known, axis=1)
        gains = gains[np.isfinite(gains)]
        if not len(gains):
            raise TrainingError("No series has two known values in a row.", hint="Interpolate gaps, or widen the data.")
        self.gain_ = float(np.median(gains))
        return self

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """Each series' last known value and the gains from there."""
        last = to_scale(panel.filled[:, origins - 1].T, self.scale, self.cap)
        ahead = last[:, :, None] + self.gain_ * np.arange(1, horizon + 1)
        return from_scale(ahead, self.scale, self.cap)
