"""How the answers of several models become one: the best alone, a mean of some, or least squares.

A way is judged by weights from some folds on the rows of another, so that no way is flattered by rows it was fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TINY = 0.02
"""Models with a smaller weight are left out: they cost time in serving and bring nothing."""


class Folds(Protocol):
    """Answers by fold (models, rows, outputs), the best model first, and the truth (rows, outputs) by fold."""

    @property
    def answers(self) -> list[Array]:
        """The answers."""

    @property
    def truth(self) -> list[Array]:
        """The truth."""

    @property
    def kinds(self) -> Sequence[str]:
        """What kind each model is of."""

    def worth(self, weights: Array, fold: int) -> float:
        """How good the weighted answers are on a fold: more is better; NaN where that cannot be told."""


Weigher = Callable[[Folds, Sequence[int]], Array]
"""From folds, and which of them may be looked at, to weights (models, outputs)."""


def first(folds: Folds, used: Sequence[int]) -> Array:
    """The best model alone."""
    return _shared([0], folds.answers[0])


def mean_of(count: int) -> Weigher:
    """The mean of the best `count` models."""
    return lambda folds, used: _shared(range(min(count, len(folds.answers[0]))), folds.answers[0])


def mean_of_kinds(count: int) -> Weigher:
    """The mean of the best model of each of the best `count` kinds: likes err alike, and mend each other little."""

    def weigher(folds: Folds, used: Sequence[int]) -> Array:
        best = [folds.kinds.index(kind) for kind in dict.fromkeys(folds.kinds)]
        return _shared(best[:count], folds.answers[0])

    return weigher


def selected(count: int) -> Weigher:
    """The mean of the best model and those that mend it most: one after another, the one with which the mean is best.

    The next best model often errs like the best; a worse one of another kind may bring more. Source: Caruana et al.,
    "Ensemble selection from libraries of models" (ICML 2004), here without repetition and with few members.
    """

    def weigher(folds: Folds, used: Sequence[int]) -> Array:
        chosen, models = [0], range(len(folds.answers[0]))
        for _ in models[1:count]:
            worth = {model: _worth([*chosen, model], folds, used) for model in models if model not in chosen}
            chosen.append(max(worth, key=worth.__getitem__))
        return _shared(chosen, folds.answers[0])

    return weigher


def by_least_squares(solve: Callable[[Array, Array], Array]) -> Weigher:
    """Weights that `solve` finds for answers and truth of all rows."""

    def weigher(folds: Folds, used: Sequence[int]) -> Array:
        answers = np.concatenate([folds.answers[fold] for fold in used], axis=1)
        return solve(answers, np.concatenate([folds.truth[fold] for fold in used]))

    return weigher


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


def _worth(chosen: list[int], folds: Folds, used: Sequence[int]) -> float:
    weights = _shared(chosen, folds.answers[0])
    told = [worth for fold in used if not np.isnan(worth := folds.worth(weights, fold))]
    return float(np.mean(told)) if told else -np.inf


def _shared(places: Sequence[int], answers: Array) -> Array:
    weights = np.zeros((len(answers), answers.shape[2]))
    weights[list(places)] = 1.0 / len(places)
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
