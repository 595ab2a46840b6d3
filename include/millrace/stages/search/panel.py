"""Makes one answer of several models' predictions on folds: weights, calibration, thresholds, each only where it helps.

Everything that is fitted here is judged on a fold that it was not fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from millrace.stages.metrics.scoring import Answer, metrics
from millrace.stages.search import combining, deciding
from millrace.stages.search.calibration import Calibration, brier, calibrate, log_loss
from millrace.stages.search.combining import Weigher, combined
from millrace.stages.search.trials import merit
from millrace.stages.search.workbench import Judge

Array = npt.NDArray[Any]
MOST_ROWS = 20_000
"""Calibration and thresholds have a few numbers to find; more rows than these say no more of them."""


@dataclass(frozen=True)
class Making:
    """How an answer is made of the predictions."""

    weigher: Weigher
    calibrated: bool = False
    decided: bool = False


@dataclass(frozen=True)
class Made:
    """What was fitted: a weight for each model and output, and for classes perhaps a calibration and priorities."""

    weights: Array
    calibration: Calibration | None = None
    priorities: Array | None = None

    def outputs(self, answers: Array) -> Array:
        """The values, or the mended probabilities, of answers (models, rows, outputs)."""
        mixed = combined(answers, self.weights)
        return mixed if self.calibration is None else self.calibration.applied(mixed)

    def places(self, shares: Array) -> Array:
        """The places of the chosen classes."""
        return np.asarray(np.argmax(shares if self.priorities is None else shares * self.priorities, axis=1))


@dataclass(frozen=True)
class Panel:
    """Predictions by fold (models, rows, outputs), the best model first, and the truth (rows, outputs) by fold."""

    task: str
    metric: str
    answers: list[Array]
    truth: list[Array]
    classes: Array | None
    kinds: tuple[str, ...]
    """The estimator that each model was made by."""
    targets: tuple[str, ...] = ()
    judge: Judge | None = None
    """Scores a fold's outputs where the truth alone does not tell how."""
    sign: float = 1.0
    """-1 where a smaller metric is better."""
    _worth: dict[tuple[int, bytes], float] = field(default_factory=dict, compare=False, repr=False)

    def made(self, making: Making, folds: list[int] | None = None) -> Made:
        """Fit weights, calibration and priorities to these folds, or to all of them."""
        used = list(range(len(self.truth))) if folds is None else folds
        weights = making.weigher(self, used)
        if not (making.calibrated or making.decided):
            return Made(weights)
        answers = np.concatenate([self.answers[fold] for fold in used], axis=1)
        truth = np.concatenate([self.truth[fold] for fold in used])
        step = max(1, -(-len(truth) // MOST_ROWS))
        shares, actual = combined(answers, weights)[::step], truth[::step]
        calibration = calibrate(shares, actual) if making.calibrated else None
        if not making.decided:
            return Made(weights, calibration)
        mended = shares if calibration is None else calibration.applied(shares)
        return Made(weights, calibration, deciding.priorities(mended, actual, self.metric))

    def worth(self, weights: Array, fold: int) -> float:
        """The metric of the weighted answers on a fold, so turned that more is better; asked for again, it is known."""
        key = fold, weights.tobytes()
        if key not in self._worth:
            scored = self._scored(Made(weights), fold)
            self._worth[key] = merit(scored, self.metric, self.sign) if self.metric in scored else float("nan")
        return self._worth[key]

    def judged(self, making: Making) -> dict[str, float]:
        """The mean of each metric over the folds, each answered by what was fitted to the others."""
        scored = [self._scored(made, fold) for fold, made in self._each(making)]
        names = {name for fold in scored for name in fold}
        return {name: float(np.mean([fold[name] for fold in scored if name in fold])) for name in sorted(names)}

    def losses(self, making: Making) -> dict[str, float]:
        """Log loss and Brier score of the probabilities, likewise."""
        shares = [(made.outputs(self.answers[fold]), self.truth[fold]) for fold, made in self._each(making)]
        return {
            "log_loss": float(np.mean([log_loss(*pair) for pair in shares])),
            "brier": float(np.mean([brier(*pair) for pair in shares])),
        }

    def _each(self, making: Making) -> list[tuple[int, Made]]:
        every = range(len(self.truth))
        # A single fold has no others: it can only be judged by itself.
        return [(fold, self.made(making, [other for other in every if other != fold] or [fold])) for fold in every]

    def _scored(self, made: Made, fold: int) -> dict[str, float]:
        outputs, truth = made.outputs(self.answers[fold]), self.truth[fold]
        if self.judge is not None:
            return self.judge(fold, outputs)
        if self.classes is None:
            flat = truth.shape[1] == 1
            values, actual = (outputs[:, 0], truth[:, 0]) if flat else (outputs, truth)
            return metrics(self.task, actual, Answer(values), list(self.targets))
        labels = self.classes[truth.argmax(axis=1)]
        return metrics(self.task, labels, Answer(self.classes[made.places(outputs)], outputs, self.classes))


def ways(task: str) -> dict[str, Weigher]:
    """The ways of combining by name, the plainest first."""
    solve = combining.shared_least_squares if task == "classification" else combining.least_squares
    return {
        "best": combining.first,
        "mean of 2": combining.mean_of(2),
        "mean of 3": combining.mean_of(3),
        "mean of 5": combining.mean_of(5),
        "mean of 2 kinds": combining.mean_of_kinds(2),
        "mean of 3 kinds": combining.mean_of_kinds(3),
        "2 selected": combining.selected(2),
        "3 selected": combining.selected(3),
        "least squares": combining.by_least_squares(solve),
    }
