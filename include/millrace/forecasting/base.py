"""What a forecaster is: a candidate of the task `forecast`, and the model that it builds.

Specs import this while they are parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import model_validator

from millrace.estimators.base import Candidate

if TYPE_CHECKING:
    from millrace.forecasting.panel import Array, Panel


class Forecaster(Protocol):
    """A model of series. It learns from a panel, and forecasts from any step of one, whose later values it ignores."""

    def fit(self, panel: Panel, horizon: int) -> Forecaster:
        """Learn from all that the panel knows. Raises TrainingError."""

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """The values from each origin on: origins x series x horizon."""


class ForecastCandidate(Candidate):
    """A forecaster to try. Its options are fields of its own; it has no `params` and no `search`."""

    tasks: ClassVar[frozenset[str]] = frozenset({"forecast"})
    parameters: ClassVar[frozenset[str]] = frozenset()
    needs_days: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _no_params(cls, written: Any) -> Any:
        for key in ("params", "search"):
            if isinstance(written, dict) and written.get(key):
                raise ValueError(f"a forecaster has no '{key}': write its options beside 'estimator'.")
        return written

    def build(self, task: str, params: dict[str, Any], seed: int) -> Forecaster:
        """The unfitted forecaster."""
        return self.forecaster(seed)

    @abstractmethod
    def forecaster(self, seed: int) -> Forecaster:
        """The unfitted forecaster; equal seeds give equal models."""

    @property
    def wants_days(self) -> bool:
        """Whether it, or a part of it, forecasts whole days of steps."""
        return self.needs_days

    @property
    def options(self) -> dict[str, Any]:
        """What is written of it beyond its name: its parameters, for the record."""
        return self.model_dump(mode="json", exclude={"estimator", "name", "params", "search", "trials", "impute"})
