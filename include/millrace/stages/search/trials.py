"""What a search is made of: who takes part, a trial and what the folds said of it, a fit, a budget, the ranking."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from millrace.stages.search.spaces import Space
from millrace.stages.search.workbench import Array, Score

TIE = 0.1
"""Weight of the log loss beside a metric of labels."""

OF_LABELS = frozenset({"accuracy", "balanced_accuracy", "f1_macro", "precision_macro", "recall_macro"})


@dataclass(frozen=True)
class Entry:
    """An estimator that takes part: its recipe's place, what is searched, what is tried first, and how often."""

    place: int
    label: str
    space: Space = field(default_factory=dict)
    starts: tuple[dict[str, Any], ...] = ()
    trials: int = 1


@dataclass
class Trial:
    """One set of parameters and what the folds said of it."""

    number: int
    entry: Entry
    params: dict[str, Any]
    started: float
    scores: dict[int, Score] = field(default_factory=dict)
    finished: float = 0.0
    error: Exception | None = None
    pruned: bool = False

    def metrics(self) -> dict[str, float]:
        """The mean of each metric over the folds in which it can be computed."""
        folds = [score.metrics for score in self.scores.values()]
        names = {name for fold in folds for name in fold}
        return {name: float(np.mean([fold[name] for fold in folds if name in fold])) for name in sorted(names)}

    def predictions(self) -> list[Array]:
        """The predictions for each fold's rows, in the order of the folds."""
        return [self.scores[fold].predictions for fold in sorted(self.scores)]

    def seconds(self) -> float:
        """What its fits cost."""
        return sum(score.seconds for score in self.scores.values())


@dataclass(frozen=True)
class Fit:
    """One fit to be done."""

    trial: Trial
    fold: int


@dataclass(frozen=True)
class Budget:
    """When no further trial begins: after so many, or at the deadline; `grace` is for the fits that then still run.

    `last_fits` is how many fits as long as that of a fold each of the best trials still needs after the search.
    """

    trials: int
    deadline: float | None = None
    grace: float = 0.0
    last_fits: float = 1.0
    clock: Callable[[], float] = time.monotonic

    def left(self) -> float:
        """Seconds that are left; endless without a deadline."""
        return float("inf") if self.deadline is None else self.deadline - self.clock()


def merit(metrics: dict[str, float], metric: str, sign: float) -> float:
    """What trials are ranked by: the metric; where it looks at labels only, a little of the log loss beside it.

    A share of right labels changes in steps, so that many trials look alike; their log loss tells them apart.
    """
    value = sign * metrics[metric]
    return value - TIE * metrics.get("log_loss", 0.0) if metric in OF_LABELS else value
