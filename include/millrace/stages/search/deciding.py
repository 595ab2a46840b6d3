"""Which class to answer: thresholds between classes that serve the metric, fitted to predictions on folds.

Each class has a priority; the answer is the class whose probability times its priority is the highest. For two classes
the priorities are a threshold. Metrics that count every row alike need none: there the likeliest class is the best.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SERVED = frozenset({"f1_macro", "balanced_accuracy", "precision_macro", "recall_macro"})
"""The metrics that thresholds can serve."""

GRID = np.exp(np.linspace(-1.5, 1.5, 25))
ROUNDS = 3


def priorities(shares: Array, actual: Array, metric: str) -> Array:
    """Priorities that sum to one, found one class after another over a grid; ties keep the earlier, plainer value."""
    chosen = np.ones(shares.shape[1])
    best = score(shares, actual, chosen, metric)
    for _ in range(ROUNDS):
        before = best
        for place in range(len(chosen)):
            for factor in GRID:
                tried = chosen.copy()
                tried[place] = factor
                value = score(shares, actual, tried, metric)
                if value > best + 1e-9:
                    best, chosen = value, tried
        if best == before:
            break
    return np.asarray(chosen / chosen.sum())


def score(shares: Array, actual: Array, weights: Array, metric: str) -> float:
    """The metric of the answers that these priorities give."""
    said = np.eye(shares.shape[1])[np.argmax(shares * weights, axis=1)]
    hits, claims, support = (said * actual).sum(axis=0), said.sum(axis=0), actual.sum(axis=0)
    seen = claims + support > 0
    if metric == "f1_macro":
        return float((2 * hits[seen] / (claims + support)[seen]).mean())
    if metric == "precision_macro":
        return float((hits / np.maximum(claims, 1))[seen].mean())
    present = support > 0
    return float((hits[present] / support[present]).mean())
