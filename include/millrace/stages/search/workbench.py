"""One fit: a recipe with parameters on the rows of one fold, or on all training rows. Every process has one workbench.

Encoded matrices are kept between fits, since trials of one estimator differ in its parameters alone.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from millrace.estimators.threads import bounded_threads
from millrace.stages.material.splitting import Fold, Rows
from millrace.stages.material.training_table import TrainingTable
from millrace.stages.metrics.scoring import Answer, cluster_metrics, metrics
from millrace.stages.training.assembly import Recipe, explained, settled

KEPT_BYTES = 400_000_000
"""How much of encoded matrices one process keeps."""

Array = npt.NDArray[Any]
Judge = Callable[[int, Array], dict[str, float]]
"""From a fold and outputs for its rows to metrics."""
Matrices = tuple[Any, Array, Array | None]
"""A fitted encoder, the matrix that it was fitted on, and that of the fold's other rows."""


def columns(values: Array) -> Array:
    """Values as (rows, outputs)."""
    return np.asarray(values, dtype=float).reshape(len(values), -1)


@dataclass(frozen=True)
class Score:
    """What one fold says of one set of parameters: metrics, the predictions for its rows, and what they cost."""

    metrics: dict[str, float]
    predictions: Array
    seconds: float
    warnings: tuple[str, ...] = ()


@dataclass
class Workbench:
    """The rows and the recipes of one search. `classes` are the labels of a classification, in order."""

    table: TrainingTable
    train: Rows
    folds: list[Fold]
    recipes: list[Recipe]
    classes: Array | None
    judge: Judge | None = None
    _kept: OrderedDict[tuple[int, int], Matrices] = field(default_factory=OrderedDict)

    @property
    def task(self) -> str:
        """The task of the recipes."""
        return self.recipes[0].task

    def score(self, place: int, params: dict[str, Any], fold: int) -> Score:
        """Fit the recipe at `place` on a fold's rows and score the rows that were left out. Raises TrainingError."""
        started, heard = time.perf_counter(), list[str]()
        recipe, (fit_rows, test_rows) = self.recipes[place], self.folds[fold]
        _, matrix, other = self._matrices(place, fold)
        with explained(recipe.candidate.label, heard.append), bounded_threads(len(fit_rows)):
            model = recipe.model(params)
            model.fit(matrix, self._target(fit_rows))
            scored, predictions = self._scored(recipe, model, other, test_rows)
        return Score(scored, predictions, time.perf_counter() - started, tuple(heard))

    def fit(self, place: int, params: dict[str, Any]) -> Any:
        """A Pipeline of encoder and estimator, fitted on all training rows: it takes the features."""
        from sklearn.pipeline import Pipeline

        recipe = self.recipes[place]
        encoder, matrix, _ = self._matrices(place, -1)
        with explained(recipe.candidate.label, lambda _: None), bounded_threads(len(self.train)):
            model = recipe.model(params)
            model.fit(matrix, self._target(self.train))
        return settled(Pipeline([("encode", encoder), ("model", model)]))

    def truth(self, fold: int) -> Array | None:
        """The target of the rows that a fold leaves out."""
        return self._target(self.folds[fold][1])

    def outputs(self, fold: int, predictions: Array) -> Array:
        """A trial's predictions for these rows: (rows, outputs)."""
        return columns(predictions)

    def _target(self, rows: Rows) -> Array | None:
        return None if self.table.target is None else np.asarray(self.table.target[rows])

    def _scored(self, recipe: Recipe, model: Any, matrix: Any, rows: Rows) -> tuple[dict[str, float], Array]:
        truth = self._target(rows)
        if truth is None:
            labels = np.asarray(model.predict(matrix))
            return cluster_metrics(matrix, labels), labels
        if self.classes is None:
            values = np.asarray(model.predict(matrix))
            return metrics(recipe.task, truth, Answer(values)), values
        shares = self._shares(model, matrix)
        labels = self.classes[shares.argmax(axis=1)]
        return metrics(recipe.task, truth, Answer(labels, shares, self.classes)), shares

    def _shares(self, model: Any, matrix: Any) -> Array:
        """The probabilities with a column for every class, also for those that the fold did not learn."""
        shares = np.asarray(model.predict_proba(matrix))
        if len(model.classes_) == len(self.classes):  # type: ignore[arg-type]
            return shares
        whole = np.zeros((len(shares), len(self.classes)))  # type: ignore[arg-type]
        whole[:, np.searchsorted(self.classes, model.classes_)] = shares  # type: ignore[arg-type]
        return whole

    def _matrices(self, place: int, fold: int) -> Matrices:
        first = next(i for i, one in enumerate(self.recipes) if one.prepares_like(self.recipes[place]))
        if (first, fold) not in self._kept:
            self._make_room()
            self._kept[first, fold] = self._encoded(self.recipes[first], fold)
        self._kept.move_to_end((first, fold))
        return self._kept[first, fold]

    def _encoded(self, recipe: Recipe, fold: int) -> Matrices:
        from sklearn.base import clone

        rows, others = (self.train, None) if fold < 0 else self.folds[fold]
        with explained(recipe.candidate.label, lambda _: None), bounded_threads(len(rows)):
            features = recipe.features().fit(self.table.inputs.iloc[rows][recipe.inputs])
            encoder = clone(recipe.encoder)
            matrix = encoder.fit_transform(self._features(features, recipe, rows), self._target(rows))
            other = None if others is None else encoder.transform(self._features(features, recipe, others))
        return encoder, np.asarray(matrix), None if other is None else np.asarray(other)

    def _features(self, features: Any, recipe: Recipe, rows: Rows) -> Any:
        return features.transform(self.table.inputs.iloc[rows][recipe.inputs])

    def _make_room(self) -> None:
        while (
            self._kept
            and sum(m[1].nbytes + (0 if m[2] is None else m[2].nbytes) for m in self._kept.values()) > KEPT_BYTES
        ):
            self._kept.popitem(last=False)
