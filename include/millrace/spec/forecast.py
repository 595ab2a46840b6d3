"""Whether a spec of `task: forecast` says one consistent thing: what its other sections may say beside `forecast`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from millrace.estimators.composite import Auto
from millrace.forecasting.base import ForecastCandidate
from millrace.forecasting.plan import RESERVED, ForecastPlan

if TYPE_CHECKING:
    from millrace.spec.models import PipelineSpec


def check_forecast(spec: PipelineSpec) -> None:
    """Refuse what does not go together. Raises ValueError in one sentence."""
    plan = spec.forecast
    if spec.task != "forecast":
        if plan is not None:
            raise ValueError(f"The section 'forecast' is for task: forecast; this task is {spec.task}.")
        return
    if plan is None:
        raise ValueError("task: forecast needs a section 'forecast': at least {frequency: h, horizon: 24}.")
    if spec.time_column is None:
        raise ValueError("task: forecast needs a time: give a source.timestamp, or forecast.time.")
    _refuse_other_ways(spec)
    _check_columns(spec, plan)
    _check_candidates(spec, plan)


def _refuse_other_ways(spec: PipelineSpec) -> None:
    """Sections that would say the same as a part of `forecast`, or that cannot be done."""
    if spec.split is not None:
        raise ValueError("task: forecast holds out the last steps: write forecast.backtest instead of 'split'.")
    if spec.features:
        raise ValueError(
            "task: forecast has no row-wise 'features': it makes lags and the calendar itself; "
            "name what is known ahead in forecast.regressors."
        )
    if spec.training.beyond == "sample":
        raise ValueError("training.beyond: sample would tear holes into the series; write beyond: recent or fail.")
    if spec.promotion.rollback is not None:
        raise ValueError("promotion.rollback judges answers to requests; a forecast is judged by its stored actuals.")


def _check_columns(spec: PipelineSpec, plan: ForecastPlan) -> None:
    used = {*plan.series, *plan.regressors, str(spec.time_column)}
    for target in spec.targets:
        if target in used:
            raise ValueError(f"The target '{target}' cannot be a series key, a regressor or the time as well.")
        if target in RESERVED:
            raise ValueError(f"The target cannot be called '{target}': a stored forecast has a field of that name.")


def _check_candidates(spec: PipelineSpec, plan: ForecastPlan) -> None:
    for candidate in spec.candidates:
        if isinstance(candidate, Auto) and candidate.estimators is not None:
            raise ValueError(
                "auto of a forecast chooses among all forecasters that suit the series: remove 'estimators', or list "
                "the candidates that you want, each with a 'search' of its own."
            )
        if isinstance(candidate, ForecastCandidate) and candidate.wants_days and plan.day_steps is None:
            raise ValueError(
                f"{candidate.label} forecasts whole days of steps; a step of {plan.frequency} is too long."
            )
