"""How the answers of several models become one: the best alone, the mean of a few, or least squares.

A way is judged by weights from some folds on the rows of another, so that no way is flattered by rows it was fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Weigher = Callable[[Array, Array], Array]
"""From answers (models, rows, outputs), the best model first, and the truth (rows, outputs) to (models, outputs)."""

TINY = 0.02
"""Models with a smaller weight are left out: they cost time in serving and bring nothing."""


def first(answers: Array, truth: Array) -> Array:
    """The best model alone."""
    return _shared([0], answers)


def mean_of(count: int) -> Weigher:
    """The mean of the best `count` models."""
    return lambda answers, truth: _shared(list(range(min(count, len(answers)))), answers)


def mean_of_kinds(count: int, kinds: Sequence[str]) -> Weigher:
    """The mean of the best model of each of the best `count` kinds: likes err alike, so that their mean mends little.

    `kinds` names the kind of each model, the best model first.
    """
    first_of = [kinds.index(kind) for kind in dict.fromkeys(kinds)]
    return lambda answers, truth: _shared(first_of[:count], answers)


def least_squares(answers: Array, truth: Array) -> Array:
    """Non-negative weights that sum to one, by least squares; for a regression of several targets, for each of them."""
    return np.column_stack([_solved(answers[:, :, output], truth[:, output]) for output in range(truth.shape[1])])


def shared_least_squares(answers: Array, truth: Array) -> Array:
    """The same with one weight for each model, over all outputs: probabilities stay probabilities."""
    flat = _solved(answers.reshape(len(answers), -1), truth.ravel())
    return np.repeat(flat[:, None], truth.shape[1], axis=1)


def combined(answers: Array, weights: Array) -> Array:
    """The weighted sum of the answers: (rows, outputs)."""
    return np.asarray(np.einsum("mro,mo->ro", answers, weights))


def _shared(places: list[int], answers: Array) -> Array:
    weights = np.zeros((len(answers), answers.shape[2]))
    weights[places] = 1.0 / len(places)
    return weights


def _solved(answers: Array, truth: Array) -> Array:
    from scipy.optimize import nnls

    # Weights that sum to one weigh errors alone. One more row asks for a sum of one; however heavy it is, the weights
    # that come out differ by a common factor only, which the division below takes out.
    errors = (answers - truth).T
    heavy = max(float(np.linalg.norm(errors)) / np.sqrt(len(answers)), np.finfo("float64").tiny)
    rows = np.vstack([errors, np.full((1, len(answers)), heavy)])
    solved, _ = nnls(rows, np.append(np.zeros(len(truth)), heavy))
    solved[solved < TINY * solved.sum()] = 0.0
    return np.asarray(solved / solved.sum()) if solved.sum() > 0 else _shared([0], answers[:, :, None])[:, 0]
