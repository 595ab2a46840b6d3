"""Trains one forecaster: walks it through the past, then fits it to all that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from millrace.errors import TrainingError
from millrace.estimators.base import Candidate
from millrace.estimators.threads import bounded_threads
from millrace.forecasting.base import ForecastCandidate
from millrace.forecasting.model import ForecastModel
from millrace.forecasting.walk import last_origin, walk
from millrace.stages.base import RunContext
from millrace.stages.search.learning import Learnt

if TYPE_CHECKING:
    from millrace.stages.forecast_material import ForecastMaterial

SEED = 17


def learnt_forecaster(context: RunContext, rows: ForecastMaterial, candidate: Candidate) -> Learnt:
    """The model, fitted to all that is known, with its record; and its metrics at the steps that choose."""
    if not isinstance(candidate, ForecastCandidate):
        raise TrainingError(f"The candidate '{candidate.label}' is no forecaster.")
    panel, plan = rows.known, rows.plan
    origins = [np.asarray(part) for part in (rows.choosing, rows.held)]
    with bounded_threads(panel.end):
        try:
            walked = [
                walk(lambda: candidate.forecaster(SEED), panel, part, plan.horizon, plan.backtest.refit)
                for part in origins
            ]
            until = last_origin(panel, plan)
            fitted = candidate.forecaster(SEED).fit(panel.until(until), plan.horizon)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
            raise TrainingError(
                f"The candidate '{candidate.label}' cannot be fitted: {reason}.", hint="Check its options."
            ) from error
        if left := getattr(fitted, "left_", []):
            context.warn(
                f"The candidate '{candidate.label}' has too few values of {len(left)} series to learn from and "
                f"takes their values of a season ago: {', '.join(left[:5])}."
            )
        model = ForecastModel(
            plan=plan.model_dump(mode="json"),
            forecaster=fitted,
            series=list(panel.series),
            fitted_until=int(panel.nanoseconds(np.array([until]))[0]),
            walked=panel.nanoseconds(np.concatenate(origins)),
            record=np.concatenate(walked),
        )
        return Learnt(model, candidate.options, rows.score_at(model, held=False)[0])
