"""From a candidate and its rows to a fitted model: search, choice, and the last fit on all training rows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from millrace.estimators.base import Candidate
from millrace.estimators.composite import Auto, Stacking
from millrace.spec.search import Search
from millrace.stages.base import RunContext
from millrace.stages.material.held_out import Material
from millrace.stages.search.champion import champion_params
from millrace.stages.search.choosing import Chosen, Wanted, choose
from millrace.stages.search.cost import account, budget_of, side_by_side
from millrace.stages.search.participants import participants
from millrace.stages.search.plan import Plan
from millrace.stages.search.running import result_of, searched
from millrace.stages.search.trials import Trial
from millrace.stages.search.workbench import Workbench
from millrace.stages.search.workers import Workers, workers
from millrace.stages.training.assembly import Recipe, settled


@dataclass(frozen=True)
class Learnt:
    """A fitted Pipeline, the parameters that tell how it was made, its cross-validated metrics, and the way there."""

    model: Any
    params: dict[str, Any]
    metrics: dict[str, float]
    trials: list[Trial] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)


def learn(context: RunContext, rows: Material, candidate: Candidate) -> Learnt:
    """Search, choose and fit one candidate. Raises TrainingError."""
    started, spec = time.monotonic(), context.spec
    inputs, _ = rows.training()
    recipes, entries = participants(spec, candidate, inputs, champion_params(context), context.warn)
    bench = Workbench(rows.table, rows.train, rows.folds(), recipes, _classes(rows))
    budget = budget_of(spec.search, candidate, entries, started)
    plan = Plan.of(spec, entries, len(bench.folds), budget, prune=not isinstance(candidate, Stacking))
    with workers(bench, side_by_side=side_by_side(candidate, entries, budget, len(inputs))) as busy:
        ranked = searched(plan, busy, candidate, spec.metric)
        seconds = time.monotonic() - started
        wanted = _wanted(spec.search, candidate, str(spec.task))
        if spec.task == "clustering":
            return _alone(context, recipes, inputs, None, ranked[0], plan)
        chosen = choose(
            ranked, bench, spec.metric, wanted, greater_is_better=spec.greater_is_better, targets=spec.targets
        )
        if chosen.is_plain and not isinstance(candidate, Auto | Stacking):
            return _alone(context, recipes, inputs, rows.training()[1], ranked[0], plan)
        model = _together(chosen, bench, recipes, inputs, busy)
    report = chosen.report | account(plan, busy, seconds, spec.metric)
    return Learnt(model, _params(candidate, chosen), chosen.metrics, plan.done, report)


def _alone(context: RunContext, recipes: list[Recipe], inputs: Any, target: Any, best: Trial, plan: Plan) -> Learnt:
    model = recipes[best.entry.place].fit(inputs, target, best.params, context.warn)
    candidate = recipes[best.entry.place].candidate
    trials = plan.done if best.entry.space else []
    return Learnt(model, {**candidate.params, **best.params}, best.metrics(), trials)


def _together(chosen: Chosen, bench: Workbench, recipes: list[Recipe], inputs: Any, busy: Workers) -> Any:
    """The members, fitted side by side on all training rows, as one Pipeline."""
    from sklearn.pipeline import Pipeline

    from millrace.features.row_features import RowFeatures

    futures = [busy.submit("fit", trial.entry.place, trial.params) for trial in chosen.members]
    fitted = [result_of(future) for future in futures]
    used = [recipes[trial.entry.place] for trial in chosen.members]
    steps = list({repr(step): step for one in used for step in one.steps}.values())
    names = [name for name in inputs.columns if any(name in one.inputs for one in used)]
    features = RowFeatures(steps).fit(inputs[names])
    if chosen.is_plain:
        return settled(Pipeline([("features", features), *fitted[0].steps]))
    return settled(Pipeline([("features", features), ("model", _blended(chosen, bench, fitted))]))


def _blended(chosen: Chosen, bench: Workbench, fitted: list[Any]) -> Any:
    from sklearn.base import clone

    from millrace.estimators.blended import BlendedClassifier, BlendedRegressor

    labels = [f"{number}-{trial.entry.label}" for number, trial in enumerate(chosen.members, start=1)]
    members = [(label, clone(one)) for label, one in zip(labels, fitted, strict=True)]
    made = chosen.made
    if bench.classes is None:
        weights = made.weights if made.weights.shape[1] > 1 else made.weights[:, 0]
        return BlendedRegressor(members, weights).put_together(fitted)
    calibration = made.calibration
    return BlendedClassifier(
        members,
        made.weights[:, 0],
        scale=None if calibration is None else calibration.scale,
        bias=None if calibration is None else np.asarray(calibration.bias),
        priorities=made.priorities,
    ).put_together(fitted)


def _params(candidate: Candidate, chosen: Chosen) -> dict[str, Any]:
    if not isinstance(candidate, Auto | Stacking):
        return {**candidate.params, **chosen.members[0].params}
    return {"combined": chosen.report["combined"], "members": chosen.report["members"]}


def _classes(rows: Material) -> Any:
    if rows.spec.task != "classification":
        return None
    return np.unique(np.asarray(rows.table.part(rows.train)[1]))


def _wanted(search: Search, candidate: Candidate, task: str) -> Wanted:
    composite, classes = isinstance(candidate, Auto | Stacking), task == "classification"
    asked = {"on": True, "off": False, "auto": composite}
    real = not candidate.is_baseline and classes
    return Wanted(
        ensemble=composite and (search.ensemble == "auto" or isinstance(candidate, Stacking)),
        calibration=real and asked[search.calibration],
        threshold=real and asked[search.threshold],
        fixed_members=isinstance(candidate, Stacking),
    )
