"""Scores predictions: the metrics of each task, and their bootstrap intervals.

A metric is a function of sums over rows, so that all resamples are scored by one matrix product; the same resamples
serve every model, which makes differences between models paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from millrace.forecasting.scores import forecast_sums

Array: TypeAlias = "npt.NDArray[Any]"
Sums: TypeAlias = Callable[[Array], dict[str, Array]]
"""From row weights (resamples x rows) to each metric (one value a resample)."""

MAX_RESAMPLES, MIN_RESAMPLES = 1000, 200
CELLS = 20_000_000
CHUNK_CELLS = 2_000_000
SILHOUETTE_ROWS = 4_000


@dataclass(frozen=True)
class Answer:
    """What a model answered: values or labels, and for a classification its probabilities by class."""

    values: Array
    probabilities: Array | None = None
    classes: Array | None = None


def answer(model: Any, inputs: Any, task: str) -> Answer:
    """Ask a fitted Pipeline."""
    if task == "classification" and hasattr(model, "predict_proba"):
        probabilities = np.asarray(model.predict_proba(inputs))
        classes, last = np.asarray(model.classes_), model[-1]
        # A model with thresholds of its own says which class it answers; any other answers the likeliest.
        labels = last.decide(probabilities) if hasattr(last, "decide") else classes[probabilities.argmax(axis=1)]
        return Answer(labels, probabilities, classes)
    return Answer(np.asarray(model.predict(inputs)))


def metrics(task: str, truth: Array, given: Answer, targets: list[str] | None = None) -> dict[str, float]:
    """Every metric of the task that can be computed; several targets also get their own, as `rmse:<target>`."""
    scored = {name: float(value[0]) for name, value in _sums(task, truth, given)(np.ones((1, len(truth)))).items()}
    if task == "regression":
        errors = np.abs(truth - given.values.reshape(truth.shape))
        scored["median_ae"] = float(np.mean(np.median(errors, axis=0)))
        if truth.ndim == 2:
            for position, name in enumerate(targets or []):
                own = metrics(task, truth[:, position], Answer(given.values[:, position]))
                scored |= {f"{metric}:{name}": own[metric] for metric in ("rmse", "mae", "r2")}
    elif given.probabilities is not None:
        scored |= _roc_auc(truth, given)
    return {name: value for name, value in scored.items() if np.isfinite(value)}


def cluster_metrics(matrix: Array, labels: Array) -> dict[str, float]:
    """How well separated the clusters are, on a sample; nothing for a single cluster."""
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

    if not 1 < len(np.unique(labels)) < len(labels):
        return {}
    return {
        "silhouette": float(
            silhouette_score(matrix, labels, sample_size=min(len(labels), SILHOUETTE_ROWS), random_state=0)
        ),
        "davies_bouldin": float(davies_bouldin_score(matrix, labels)),
        "calinski_harabasz": float(calinski_harabasz_score(matrix, labels)),
    }


def bootstrap(
    task: str, truth: Array, answers: dict[str, Answer], seed: int, *, metric: str | None = None, block: int = 1
) -> dict[str, dict[str, Array]]:
    """Each model's metrics on the same resamples of the rows: model to metric to values.

    Rows that follow one another in time err alike: `block` of them are drawn together. `metric` is one that must be
    among them, also where it is no function of sums; that costs a computation a resample.
    """
    rng = np.random.default_rng(seed)
    rows = len(truth)
    resamples = int(np.clip(CELLS // rows, MIN_RESAMPLES, MAX_RESAMPLES))
    scorers = {name: _sums(task, truth, given) for name, given in answers.items()}
    parts: dict[str, list[dict[str, Array]]] = {name: [] for name in answers}
    done = 0
    while done < resamples:
        count = min(resamples - done, max(1, CHUNK_CELLS // rows))
        weights = np.stack([_drawn(rng, rows, block) for _ in range(count)])
        for name, scorer in scorers.items():
            parts[name].append(scorer(weights.astype("float64")))
        done += count
    found = {
        name: {metric: np.concatenate([part[metric] for part in made]) for metric in made[0]}
        for name, made in parts.items()
    }
    if metric is not None and any(metric not in own for own in found.values()):
        for name, values in _resampled(task, truth, answers, seed, metric, block).items():
            found[name][metric] = values
    return found


def _drawn(rng: np.random.Generator, rows: int, block: int) -> Array:
    """How often each row is drawn: by itself, or in blocks of neighbours (after the last row comes the first)."""
    if block == 1:
        return np.bincount(rng.integers(0, rows, rows), minlength=rows)
    starts = rng.integers(0, rows, -(-rows // block))
    places = (starts[:, None] + np.arange(block)).ravel()[:rows] % rows
    return np.bincount(places, minlength=rows)


def block_rows(rows: int, *, in_time: bool) -> int:
    """The length of a bootstrap's blocks: the cube root of the rows for rows in the order of time, else 1."""
    return max(1, round(rows ** (1 / 3))) if in_time else 1


def _resampled(
    task: str, truth: Array, answers: dict[str, Answer], seed: int, metric: str, block: int
) -> dict[str, Array]:
    """A metric that is no function of sums, such as a median, on the same resamples for every model."""
    rng = np.random.default_rng(seed)
    draws = [np.repeat(np.arange(len(truth)), _drawn(rng, len(truth), block)) for _ in range(MIN_RESAMPLES)]
    return {
        name: np.array([metrics(task, truth[rows], _part(given, rows)).get(metric, np.nan) for rows in draws])
        for name, given in answers.items()
    }


def _part(given: Answer, rows: Array) -> Answer:
    probabilities = None if given.probabilities is None else given.probabilities[rows]
    return Answer(given.values[rows], probabilities, given.classes)


def interval(values: Array) -> list[float]:
    """The 95 % percentile interval."""
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return [float(low), float(high)]


def _sums(task: str, truth: Array, given: Answer) -> Sums:
    if task == "forecast":
        return forecast_sums(truth, given.values)
    return _classification(truth, given) if task == "classification" else _regression(truth, given.values)


def _regression(truth: Array, values: Array) -> Sums:
    y = truth.reshape(len(truth), -1).astype("float64")
    # Moments about the mean: the plain sum of squares loses its digits for a large mean.
    centred = y - y.mean(axis=0)
    error = values.reshape(y.shape).astype("float64") - y
    # Relative to a truth of 0 an error is infinite: such a table has no mape, and none is made up.
    relative = np.abs(error) / np.abs(y) if (y != 0).all() else None

    def score(weights: Array) -> dict[str, Array]:
        total = weights.sum(axis=1, keepdims=True)
        squared, absolute = weights @ error**2, weights @ np.abs(error)
        spread = weights @ centred**2 - (weights @ centred) ** 2 / total
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            wape = absolute / (weights @ np.abs(y))
        scored = {
            "rmse": np.sqrt(squared / total).mean(axis=1),
            "mae": (absolute / total).mean(axis=1),
            "r2": r2.mean(axis=1),
            "wape": np.where(np.isinf(wape), np.nan, wape).mean(axis=1),
        }
        return scored if relative is None else {**scored, "mape": (weights @ relative / total).mean(axis=1)}

    return score


def _classification(truth: Array, given: Answer) -> Sums:
    labels = np.unique(np.concatenate([np.unique(truth), np.unique(given.values)]))
    actual = (truth[:, None] == labels[None, :]).astype("float64")
    said = (given.values[:, None] == labels[None, :]).astype("float64")
    hit, loss = actual * said, _log_losses(truth, given)

    def score(weights: Array) -> dict[str, Array]:
        total, hits = weights.sum(axis=1), weights @ hit
        support, claims = weights @ actual, weights @ said
        with np.errstate(divide="ignore", invalid="ignore"):
            recall = np.where(support > 0, hits / support, np.nan)
            precision = np.where(claims > 0, hits / claims, 0.0)
            f1 = np.where(support + claims > 0, 2 * hits / (support + claims), np.nan)
        seen = support + claims > 0
        scored = {
            "f1_macro": np.nanmean(f1, axis=1),
            "accuracy": hits.sum(axis=1) / total,
            "balanced_accuracy": np.nanmean(recall, axis=1),
            "precision_macro": np.where(seen, precision, 0.0).sum(axis=1) / seen.sum(axis=1),
            "recall_macro": np.nan_to_num(recall).sum(axis=1) / seen.sum(axis=1),
        }
        return scored if loss is None else {**scored, "log_loss": weights @ loss / total}

    return score


def _log_losses(truth: Array, given: Answer) -> Array | None:
    if given.probabilities is None or given.classes is None:
        return None
    # A class that the model never saw has probability 0, which costs as much as a float allows.
    column = np.searchsorted(given.classes, truth).clip(max=len(given.classes) - 1)
    known = given.classes[column] == truth
    chosen = np.where(known, given.probabilities[np.arange(len(truth)), column], 0.0)
    return np.asarray(-np.log(np.clip(chosen, np.finfo("float64").eps, 1.0)))


def _roc_auc(truth: Array, given: Answer) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    if given.probabilities is None or given.classes is None or set(np.unique(truth)) != set(given.classes):
        return {}
    if len(given.classes) == 2:
        return {"roc_auc": float(roc_auc_score(truth == given.classes[1], given.probabilities[:, 1]))}
    return {"roc_auc": float(roc_auc_score(truth, given.probabilities, multi_class="ovr", labels=given.classes))}
