"""Searches forecasters over rolling origins: the portfolio of `auto`, or the options of one candidate.

The plan, the workers and the combining are those of every search; the folds are the origins that choose, in their
order, and each is forecast by models fitted before it. Held-out origins report what was chosen, and choose nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.estimators.base import Candidate
from millrace.estimators.composite import Auto
from millrace.estimators.threads import training_threads
from millrace.forecasting.base import ForecastCandidate, Forecaster
from millrace.forecasting.mean import MeanModel
from millrace.forecasting.portfolio import portfolio, shape_of
from millrace.forecasting.walk import groups
from millrace.spec.search import AUTO_TRIALS
from millrace.stages.base import RunContext
from millrace.stages.forecasts.bench import ForecastBench
from millrace.stages.search.champion import champion_params
from millrace.stages.search.choosing import Chosen, Wanted, choose
from millrace.stages.search.cost import account, budget_of, side_by_side
from millrace.stages.search.plan import Plan
from millrace.stages.search.running import result_of, searched
from millrace.stages.search.trials import Entry, Trial
from millrace.stages.search.workers import Workers, workers

if TYPE_CHECKING:
    from millrace.forecasting.panel import Array
    from millrace.stages.material.forecast_material import ForecastMaterial

MOST_FOLDS = 5
"""Fits of one trial: a search fits less often anew than `refit` says where that would take more."""


@dataclass(frozen=True)
class Walked:
    """A forecaster fitted to all that is known, its forecasts from each past origin, and how it was found."""

    forecaster: Forecaster
    record: Array
    params: dict[str, Any]
    trials: list[Trial] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)

    def with_search(self, trials: list[Trial], report: dict[str, Any]) -> Walked:
        """The same with what its search did."""
        return replace(self, trials=trials, report=report)


def search_forecaster(context: RunContext, rows: ForecastMaterial, candidate: Candidate) -> Walked:
    """The best forecaster found, or the mean of several, with the forecasts of its walk. Raises TrainingError."""
    started, spec = time.monotonic(), context.spec
    bench, entries = _participants(context, rows, candidate)
    last_fits = (len(bench.held) + 1) / training_threads()
    budget = budget_of(spec.search, candidate, entries, started, last_fits)
    plan = Plan.of(spec, entries, len(bench.folds), budget)
    with workers(bench, side_by_side=side_by_side(candidate, entries, budget, rows.known.end)) as busy:
        ranked = searched(plan, busy, candidate, spec.metric)
        seconds = time.monotonic() - started
        wanted = Wanted(ensemble=isinstance(candidate, Auto) and spec.search.ensemble == "auto", **_NO_CLASSES)
        chosen = choose(
            ranked, bench, spec.metric, wanted, greater_is_better=spec.greater_is_better, targets=spec.targets
        )
        walked = _walked(chosen, bench, candidate, busy)
    report = chosen.report | account(plan, busy, seconds, spec.metric)
    return walked.with_search(plan.done, report)


_NO_CLASSES = {"calibration": False, "threshold": False}


def _participants(
    context: RunContext, rows: ForecastMaterial, candidate: Candidate
) -> tuple[ForecastBench, list[Entry]]:
    plan, choosing, held = rows.plan, np.asarray(rows.choosing), np.asarray(rows.held)
    parts: list[tuple[ForecastCandidate, tuple[dict[str, Any], ...]]]
    if isinstance(candidate, ForecastCandidate):
        parts, trials = [(candidate, ())], candidate.trials
    else:
        parts, trials = portfolio(shape_of(rows.known, plan, choosing)), context.spec.search.trials or AUTO_TRIALS
    known = champion_params(context)
    entries = [
        Entry(place, part.label, part.search, (*known.get(part.label, ()), *starts), trials if part.search else 1)
        for place, (part, starts) in enumerate(parts)
    ]
    refit = max(plan.backtest.refit, -(-len(choosing) // MOST_FOLDS))
    folds, groups_held = groups(choosing, refit), groups(held, plan.backtest.refit)
    bench = ForecastBench(rows.known, plan, [part for part, _ in parts], folds, groups_held, rows.held_from)
    return bench, entries


def _walked(chosen: Chosen, bench: ForecastBench, candidate: Candidate, busy: Workers) -> Walked:
    """The members walked through the held-out origins and fitted to all that is known, side by side."""
    members, weights = chosen.members, chosen.made.weights[:, 0]
    reports = [
        [busy.submit("report", one.entry.place, one.params, group) for group in range(len(bench.held))]
        for one in members
    ]
    fits = [busy.submit("fit", one.entry.place, one.params) for one in members]
    parts = [
        np.concatenate([*one.predictions(), *(result_of(future) for future in futures)])
        for one, futures in zip(members, reports, strict=True)
    ]
    fitted = [result_of(future) for future in fits]
    model = fitted[0] if len(fitted) == 1 else MeanModel(fitted, list(map(float, weights))).put_together(fitted)
    return Walked(model, _mean(parts, weights), _params(chosen, candidate, members[0]))


def _mean(parts: list[Array], weights: Array) -> Array:
    return np.asarray(np.average(parts, axis=0, weights=weights))


def _params(chosen: Chosen, candidate: Candidate, best: Trial) -> dict[str, Any]:
    if isinstance(candidate, ForecastCandidate):
        # The searched ones by their own names as well: the next search begins with them.
        return {**candidate.with_options(best.params).options, **best.params}
    return {"combined": chosen.report["combined"], "members": chosen.report["members"]}
