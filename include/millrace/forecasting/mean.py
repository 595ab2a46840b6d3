"""The mean of several forecasters, plain or weighted."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from millrace.forecasting.panel import Array, Panel


class MeanModel(BaseEstimator):  # type: ignore[misc]
    """Fits each member on the same panel, and answers with their mean by `weights`; None: all alike."""

    def __init__(self, members: list[Any] | None = None, weights: list[float] | None = None) -> None:
        self.members = members
        self.weights = weights

    def fit(self, panel: Panel, horizon: int) -> MeanModel:
        """Fit copies of the members."""
        return self.put_together([clone(member).fit(panel, horizon) for member in self.members or []])

    def put_together(self, fitted: list[Any]) -> MeanModel:
        """Take over members that are fitted already."""
        self.members_ = fitted
        return self

    @property
    def left_(self) -> list[str]:
        """The series for which a member has no model of its own."""
        return sorted({name for member in self.members_ for name in getattr(member, "left_", [])})

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """The mean of the members' forecasts."""
        parts = [member.predict(panel, origins, horizon) for member in self.members_]
        return np.asarray(np.average(parts, axis=0, weights=self.weights))
