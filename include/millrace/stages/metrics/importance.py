"""How much a model leans on each input: what its metric loses when that input's values are shuffled."""

from __future__ import annotations

from typing import Any

import numpy as np

from millrace.estimators.threads import bounded_threads
from millrace.stages.metrics.scoring import answer, metrics

MAX_ROWS = 1_000
MAX_INPUTS = 60
REPEATS = 2
SEED = 17


def permutation_importance(
    model: Any, inputs: Any, truth: Any, *, task: str, metric: str, greater_is_better: bool
) -> dict[str, float]:
    """Input to loss of the metric, on at most `MAX_ROWS` rows; empty where the metric cannot be computed on them."""
    with bounded_threads(MAX_ROWS):
        return _losses(model, inputs, truth, task=task, metric=metric, sign=1 if greater_is_better else -1)


def _losses(model: Any, inputs: Any, truth: Any, *, task: str, metric: str, sign: int) -> dict[str, float]:
    rng = np.random.default_rng(SEED)
    rows = np.sort(rng.permutation(len(inputs))[:MAX_ROWS])
    sample, truth = inputs.iloc[rows].reset_index(drop=True), truth[rows]
    whole = metrics(task, truth, answer(model, sample, task)).get(metric)
    if whole is None:
        return {}
    losses = {}
    for name in list(model[0].inputs_)[:MAX_INPUTS]:
        scores = []
        for _ in range(REPEATS):
            shuffled = sample.assign(**{name: sample[name].to_numpy()[rng.permutation(len(sample))]})
            scores.append(metrics(task, truth, answer(model, shuffled, task)).get(metric, np.nan))
        loss = float(sign * (whole - np.mean(scores)))
        if np.isfinite(loss):
            losses[name] = loss
    return losses
