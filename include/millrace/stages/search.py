"""Cross-validates a candidate on the training rows, and searches its parameters by that score with Optuna."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from millrace.errors import TrainingError
from millrace.estimators.threads import bounded_threads
from millrace.stages.assembly import SEED, Recipe
from millrace.stages.scoring import answer, cluster_metrics, metrics
from millrace.stages.splitting import Fold
from millrace.stages.training_table import TrainingTable

LOG_SCALE_FACTOR = 10


@dataclass(frozen=True)
class Trial:
    """One set of parameters and its score over the folds."""

    number: int
    params: dict[str, Any]
    metrics: dict[str, float]
    started: float
    finished: float
    error: str | None = None


@dataclass(frozen=True)
class Choice:
    """The parameters to refit with, their cross-validated metrics, and the trials that led there."""

    params: dict[str, Any]
    metrics: dict[str, float]
    trials: list[Trial] = field(default_factory=list)


def choose(recipe: Recipe, table: TrainingTable, folds: list[Fold], metric: str, greater_is_better: bool) -> Choice:
    """The best parameters of the candidate's search space; without one, its own parameters and their score."""
    if not recipe.candidate.search:
        scored = cross_validate(recipe, {}, table, folds)
        return Choice({}, _with_metric(scored, metric, recipe))
    trials = _search(recipe, table, folds, metric, greater_is_better)
    usable = [trial for trial in trials if metric in trial.metrics]
    if not usable:
        reason = next((trial.error for trial in trials if trial.error), f"no trial has a {metric}")
        raise TrainingError(
            f"All {len(trials)} trials of the candidate '{recipe.candidate.label}' failed: {reason}",
            hint="Check its search space.",
        )
    best = (max if greater_is_better else min)(usable, key=lambda trial: trial.metrics[metric])
    return Choice(best.params, best.metrics, trials)


def cross_validate(recipe: Recipe, params: dict[str, Any], table: TrainingTable, folds: list[Fold]) -> dict[str, float]:
    """The mean of each metric over the folds in which it can be computed."""
    scored = [_score_fold(recipe, params, table, fold) for fold in folds]
    names = {name for fold in scored for name in fold}
    return {name: float(np.mean([fold[name] for fold in scored if name in fold])) for name in sorted(names)}


def _score_fold(recipe: Recipe, params: dict[str, Any], table: TrainingTable, fold: Fold) -> dict[str, float]:
    fit_rows, test_rows = fold
    inputs, target = table.part(fit_rows)
    model = recipe.fit(inputs, target, params, _unheard)
    inputs, truth = table.part(test_rows)
    with bounded_threads(len(inputs)):
        if truth is None:
            return cluster_metrics(model[:-1].transform(inputs), np.asarray(model.predict(inputs)))
        return metrics(recipe.task, truth, answer(model, inputs, recipe.task))


def _with_metric(scored: dict[str, float], metric: str, recipe: Recipe) -> dict[str, float]:
    if metric not in scored:
        raise TrainingError(
            f"The metric '{metric}' cannot be computed for the candidate '{recipe.candidate.label}' in any fold.",
            hint="Choose another promotion.metric; roc_auc, for one, needs every class in each fold.",
        )
    return scored


def _search(
    recipe: Recipe, table: TrainingTable, folds: list[Fold], metric: str, greater_is_better: bool
) -> list[Trial]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize" if greater_is_better else "minimize", sampler=optuna.samplers.TPESampler(seed=SEED)
    )
    seen: dict[str, Trial] = {}
    trials: list[Trial] = []
    for number in range(recipe.candidate.trials):
        asked = study.ask()
        params = {name: _suggest(asked, name, space) for name, space in recipe.candidate.search.items()}
        known = seen.get(repr(params))
        # A small space is asked the same again; its answer is known.
        trial = known or _try(recipe, params, table, folds, number)
        if metric in trial.metrics:
            study.tell(asked, trial.metrics[metric])
        else:
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
        if known is None:
            seen[repr(params)] = trial
            trials.append(trial)
    return trials


def _try(recipe: Recipe, params: dict[str, Any], table: TrainingTable, folds: list[Fold], number: int) -> Trial:
    started = time.time()
    try:
        scored, error = cross_validate(recipe, params, table, folds), None
    except TrainingError as problem:
        scored, error = {}, problem.message
    return Trial(number, params, scored, started, time.time(), error)


def _suggest(asked: Any, name: str, space: list[Any] | dict[str, list[Any]]) -> Any:
    if isinstance(space, dict):
        # Optuna keeps plain values only: a choice such as [64, 32] is chosen by its place.
        return space["choices"][asked.suggest_categorical(name, list(range(len(space["choices"]))))]
    low, high = space
    log = low > 0 and high / low >= LOG_SCALE_FACTOR
    if isinstance(low, int) and isinstance(high, int):
        return asked.suggest_int(name, low, high, log=log)
    return asked.suggest_float(name, low, high, log=log)


def _unheard(_: str) -> None:
    """Warnings of a fold are those of the final fit, which are heard."""
