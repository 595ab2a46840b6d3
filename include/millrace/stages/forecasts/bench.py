"""One fit of a forecaster's search: a candidate with options, fitted before a group of origins and asked from each.

The folds are groups of the origins that choose. Predictions are kept raw; metrics and means are taken of them within
the plan's bounds, as a version will tell them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from millrace.errors import TrainingError
from millrace.estimators.threads import bounded_threads
from millrace.forecasting.base import ForecastCandidate, Forecaster
from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.plan import ForecastPlan
from millrace.forecasting.scores import SCALE, TRUTH
from millrace.forecasting.walk import ahead, last_origin
from millrace.stages.material.forecast_cells import Cells, cells_of
from millrace.stages.metrics.scoring import Answer, metrics
from millrace.stages.search.workbench import Score
from millrace.stages.training.assembly import SEED, explained


@dataclass
class ForecastBench:
    """The panel and the candidates of one search; `folds` choose, `held` only report."""

    panel: Panel
    plan: ForecastPlan
    candidates: list[ForecastCandidate]
    folds: list[Array]
    held: list[Array]
    held_from: int
    task: str = "forecast"
    classes: Array | None = None

    def score(self, place: int, params: dict[str, Any], fold: int) -> Score:
        """Forecast from the origins of a fold and score what is known of it. Raises TrainingError."""
        started, heard = time.perf_counter(), list[str]()
        given = self._ahead(place, params, self.folds[fold], heard)
        cells, truth = self._known[fold]
        if not np.isfinite(given[cells]).all():
            raise TrainingError(
                f"The candidate '{self.candidates[place].label}' has no forecast for some known steps.",
                hint="The series are too short for it.",
            )
        return Score(self._metrics(truth, given[cells]), given, time.perf_counter() - started, tuple(heard))

    def report(self, place: int, params: dict[str, Any], group: int) -> Array:
        """The forecasts from a group of the held-out origins."""
        return self._ahead(place, params, self.held[group], [])

    def fit(self, place: int, params: dict[str, Any]) -> Forecaster:
        """The candidate fitted to all that is known."""
        candidate, until = self.candidates[place].with_options(params), last_origin(self.panel, self.plan)
        with explained(candidate.label, lambda _: None), bounded_threads(self.panel.end):
            return candidate.forecaster(SEED).fit(self.panel.until(until), self.plan.horizon)

    def truth(self, fold: int) -> Array:
        """The known values of a fold, each in units of its series' usual change: large series count like small ones."""
        truth = self._known[fold][1]
        return np.asarray(truth[:, TRUTH] / _units(truth))

    def outputs(self, fold: int, predictions: Array) -> Array:
        """A trial's forecasts of these values, in the same units."""
        cells, truth = self._known[fold]
        return np.asarray((predictions[cells] / _units(truth))[:, None])

    def judge(self, fold: int, outputs: Array) -> dict[str, float]:
        """The metrics of forecasts in these units."""
        truth = self._known[fold][1]
        return self._metrics(truth, outputs[:, 0] * _units(truth))

    @cached_property
    def _known(self) -> list[Cells]:
        return [cells_of(self.panel, self.plan, group, self.held_from, self.held_from) for group in self.folds]

    def _ahead(self, place: int, params: dict[str, Any], group: Array, heard: list[str]) -> Array:
        candidate = self.candidates[place].with_options(params)
        with explained(candidate.label, heard.append), bounded_threads(self.panel.end):
            return ahead(candidate.forecaster(SEED), self.panel, group, self.plan.horizon)

    def _metrics(self, truth: Array, values: Array) -> dict[str, float]:
        bounds, unknown = self.plan.bounds, np.full(len(values), np.nan)
        told = np.clip(values, bounds.min if bounds.min is not None else -np.inf, bounds.max)
        return metrics("forecast", truth, Answer(np.column_stack([told, unknown, unknown])))


def _units(truth: Array) -> Array:
    return np.where(np.isfinite(truth[:, SCALE]), truth[:, SCALE], 1.0)
