"""Trains one forecaster: walks it through the past, then fits it to all that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from millrace.errors import TrainingError
from millrace.estimators.base import Candidate
from millrace.estimators.composite import Auto
from millrace.estimators.threads import bounded_threads
from millrace.forecasting.base import ForecastCandidate, Forecaster
from millrace.forecasting.model import ForecastModel
from millrace.forecasting.panel import Panel
from millrace.forecasting.walk import last_origin, walk
from millrace.stages.base import RunContext
from millrace.stages.forecasts.search import Walked, search_forecaster
from millrace.stages.search.learning import Learnt
from millrace.stages.training.assembly import SEED, explained

if TYPE_CHECKING:
    from millrace.stages.material.forecast_material import ForecastMaterial


def learnt_forecaster(context: RunContext, rows: ForecastMaterial, candidate: Candidate) -> Learnt:
    """The model, fitted to all that is known, with its record; and its metrics at the steps that choose."""
    panel, plan = rows.known, rows.plan
    found = search_forecaster if isinstance(candidate, Auto) or candidate.search else _plain
    with bounded_threads(_rows(candidate, panel)):
        walked = found(context, rows, candidate)
        _warn_of_left(context, candidate, walked.forecaster)
        until = last_origin(panel, plan)
        model = ForecastModel(
            plan=plan.model_dump(mode="json"),
            forecaster=walked.forecaster,
            series=list(panel.series),
            fitted_until=int(panel.nanoseconds(np.array([until]))[0]),
            walked=panel.nanoseconds(np.concatenate([np.asarray(rows.choosing), np.asarray(rows.held)])),
            record=walked.record,
        )
        return Learnt(model, walked.params, rows.score_at(model, held=False)[0], walked.trials, walked.report)


def _rows(candidate: Candidate, panel: Panel) -> int:
    """Rows of one fit: a model of whole days has a row a day, for each series by itself."""
    if isinstance(candidate, ForecastCandidate) and candidate.wants_days:
        return panel.end // (panel.day_steps or 1)
    return panel.end * len(panel.series)


def _plain(context: RunContext, rows: ForecastMaterial, candidate: Candidate) -> Walked:
    """A candidate as it is written."""
    if not isinstance(candidate, ForecastCandidate):
        raise TrainingError(f"The candidate '{candidate.label}' is no forecaster.")
    panel, plan = rows.known, rows.plan
    # A network that stops at its max_iter is scored like any other: that is no news to warn of.
    with explained(candidate.label, lambda _: None):
        parts = [
            walk(lambda: candidate.forecaster(SEED), panel, np.asarray(origins), plan.horizon, plan.backtest.refit)
            for origins in (rows.choosing, rows.held)
        ]
        until = last_origin(panel, plan)
        fitted = candidate.forecaster(SEED).fit(panel.until(until), plan.horizon)
    return Walked(fitted, np.concatenate(parts), candidate.options)


def _warn_of_left(context: RunContext, candidate: Candidate, forecaster: Forecaster) -> None:
    if left := getattr(forecaster, "left_", []):
        context.warn(
            f"The candidate '{candidate.label}' has too few values of {len(left)} series to learn from and "
            f"takes their values of a season ago: {', '.join(left[:5])}."
        )
