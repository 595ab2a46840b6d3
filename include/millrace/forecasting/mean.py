"""The mean of several forecasters."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from millrace.forecasting.panel import Array, Panel


class MeanModel(BaseEstimator):  # type: ignore[misc]
    """Fits each member on the same panel, and answers with their mean."""

    def __init__(self, members: list[Any] | None = None) -> None:
        self.members = members

    def fit(self, panel: Panel, horizon: int) -> MeanModel:
        """Fit copies of the members."""
        self.members_ = [clone(member).fit(panel, horizon) for member in self.members or []]
        return self

    @property
    def left_(self) -> list[str]:
        """The series for which a member has no model of its own."""
        return sorted({name for member in self.members_ for name in getattr(member, "left_", [])})

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """The mean of the members' forecasts."""
        given: Array = np.mean([member.predict(panel, origins, horizon) for member in self.members_], axis=0)
        return given
