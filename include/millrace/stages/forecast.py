"""Forecasts what comes next with the champion, and keeps it where the service finds it; marks what came true.

It runs after every training, also where the champion stays: new data is a new forecast. A forecast from the same
origin replaces itself, so a repeated run leaves one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np

from millrace.errors import TrainingError
from millrace.estimators.threads import bounded_threads
from millrace.forecasting.clock import instants
from millrace.forecasting.grid import series_keys
from millrace.forecasting.model import Forecast, ForecastModel
from millrace.forecasting.panel import Panel
from millrace.forecasting.plan import ForecastPlan
from millrace.forecasting.walk import last_origin
from millrace.stages.base import RunContext, run_stage
from millrace.stages.material.forecast_material import panel_of_run, plan_of
from millrace.stages.outputs import Forecasted, Registered, Transformed
from millrace.stores.base import ModelVersion


def forecast(context: RunContext, transformed: Transformed, registered: Registered) -> Forecasted:
    """Make and keep the forecasts of the champion. Raises TrainingError."""
    return run_stage(context, "forecast", Forecasted, lambda: _locked(context, transformed))


def _locked(context: RunContext, transformed: Transformed) -> Forecasted:
    with context.runs.lock(f"forecast/{context.spec.name}", context.run_id):
        return _forecast(context, transformed)


def _forecast(context: RunContext, transformed: Transformed) -> Forecasted:
    version = context.registry.champion(context.spec.name)
    if version is None or version.tags.get("millrace.task") != "forecast":
        context.warn("There is no champion to forecast with, so nothing is forecast.")
        return Forecasted(model_version=None)
    panel, plan = panel_of_run(context, transformed), plan_of(context.spec)
    model: ForecastModel = context.registry.load(version)
    if others := model.differences(plan):
        context.warn(
            f"The champion (version {version.version}) was made for another forecast ({'; '.join(others)}), "
            "so nothing is forecast."
        )
        return Forecasted(model_version=version.version)
    known = _known_series(context, panel, model)
    origin = last_origin(known, plan)
    _refuse_unknown_future(known, plan, origin)
    with bounded_threads(known.end):
        made = model.forecast(known, np.array([origin]))
    began = instants(known.times[[origin]], plan.timezone)[0][0]
    documents, plans = _allocated(context, _documents(context, known, made, origin, version))
    kept = context.runs.record_forecasts(documents)
    return Forecasted(
        model_version=version.version,
        origin=began.isoformat(),
        series=len(known.series),
        forecasts=kept,
        live=_actuals(context, panel, plan),
        allocation=plans,
    )


def _allocated(
    context: RunContext, documents: Iterator[dict[str, Any]]
) -> tuple[Iterable[dict[str, Any]], list[dict[str, Any]]]:
    """The forecasts with what each source gives, where the spec asks for it, and the plan of each series."""
    from millrace.stages.forecasts.allocation import allocated

    wanted = context.spec.allocation
    return allocated(context, wanted, list(documents)) if wanted is not None else (documents, [])


def _known_series(context: RunContext, panel: Panel, model: ForecastModel) -> Panel:
    known = panel.only(model.series or [])
    if new := sorted(set(panel.series) - set(known.series)):
        context.warn(f"{len(new)} series are new since the champion was fitted and are not forecast: {new[0]} …")
    if not known.series:
        raise TrainingError("The champion knows none of the table's series.", hint="Train again.")
    return known


def _refuse_unknown_future(panel: Panel, plan: ForecastPlan, origin: int) -> None:
    """A regressor without its future would make a silent wrong number."""
    ahead = panel.regressors[:, origin : origin + plan.horizon]
    missing = np.argwhere(np.isnan(ahead))
    if len(missing):
        place, step, column = missing[0]
        raise TrainingError(
            f"The regressor '{plan.regressors[column]}' of the series '{panel.series[place]}' is not known at "
            f"{panel.times[origin + step]}, which is to be forecast.",
            hint="Add rows with the regressors of the times ahead, their target empty; or remove the regressor.",
        )


def _documents(
    context: RunContext, panel: Panel, made: Forecast, origin: int, version: ModelVersion
) -> Iterator[dict[str, Any]]:
    spec, plan = context.spec, plan_of(context.spec)
    steps = origin + np.arange(plan.horizon)
    moments, places = instants(panel.times[steps], plan.timezone)
    began, made_at = instants(panel.times[[origin]], plan.timezone)[0][0], datetime.now(UTC)
    for place, name in enumerate(panel.series):
        keys = series_keys(name, plan.series)
        for moment, ahead in zip(moments, places, strict=True):
            yield {
                "pipeline": spec.name,
                "series": name,
                **keys,
                "timestamp": moment,
                spec.targets[0]: _number(made.values[0, place, ahead]),
                "confidence_lower": _number(made.lower[0, place, ahead]),
                "confidence_upper": _number(made.upper[0, place, ahead]),
                "level": plan.intervals.level,
                "model_version": version.version,
                "origin": began,
                "horizon": ahead + 1,
                "made_at": made_at,
                "run_id": context.run_id,
            }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _actuals(context: RunContext, panel: Panel, plan: ForecastPlan) -> dict[str, Any]:
    """Put true values beside earlier forecasts; returns how the forecasts of the last window have held."""
    moments, places = instants(panel.times[: panel.end], plan.timezone)
    step_of = dict(zip(moments, places, strict=True))
    row_of = {name: place for place, name in enumerate(panel.series)}
    after = instants(panel.times[[panel.end]], plan.timezone)[0][0]
    actuals, missing = {}, 0
    first = max(0, panel.end - plan.intervals.window * plan.every)
    since = instants(panel.times[[first]], plan.timezone)[0][0]
    for found in context.runs.forecasts_without_actual(context.spec.name, after):
        row, step = row_of.get(found["series"]), step_of.get(found["timestamp"])
        if row is not None and step is not None and np.isfinite(panel.values[row, step]):
            actuals[found["_id"]] = float(panel.values[row, step])
        else:
            missing += found["timestamp"] >= since
    context.runs.record_actuals(actuals)
    return {**context.runs.forecast_quality(context.spec.name, since), "missing": missing}
