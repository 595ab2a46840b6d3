"""Opens the transformed table for the stages that work on models: its training rows, held-out rows and folds.

Every stage that calls this gets the same rows, since they follow from the dataset and the split alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.estimators.threads import bounded_threads
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext
from millrace.stages.material.row_limit import limited_frame
from millrace.stages.material.splitting import Fold, Rows, folds, held_out
from millrace.stages.material.training_table import TrainingTable, training_table
from millrace.stages.metrics.scoring import Answer, answer, cluster_metrics, metrics
from millrace.stages.outputs import Transformed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Material:
    """The rows of one run."""

    spec: PipelineSpec
    table: TrainingTable
    train: Rows
    test: Rows
    beyond: int = 0
    """Rows that `training.max_rows` left out."""

    def folds(self) -> list[Fold]:
        """The folds over the training rows."""
        stratify = self.spec.task == "classification"
        return folds(self.table, self.train, self.spec.splitting, stratify=stratify)

    def training(self) -> tuple[pd.DataFrame, Any]:
        """Inputs and target of the training rows."""
        return self.table.part(self.train)

    def testing(self) -> tuple[pd.DataFrame, Any]:
        """Inputs and target of the held-out rows."""
        return self.table.part(self.test)

    def rows(self) -> dict[str, int]:
        """How many rows went where."""
        counts = {"train": len(self.train), "test": len(self.test), "dropped": self.table.dropped}
        return {**counts, "beyond_limit": self.beyond} if self.beyond else counts

    def score(self, model: Any) -> tuple[dict[str, float], Answer]:
        """A model's metrics on the held-out rows, and its answers."""
        with bounded_threads(len(self.test)):
            return self._score(model)

    def _score(self, model: Any) -> tuple[dict[str, float], Answer]:
        inputs, truth = self.testing()
        if truth is None:
            labels = np.asarray(model.predict(inputs))
            return cluster_metrics(model[:-1].transform(inputs), labels), Answer(labels)
        given = answer(model, inputs, str(self.spec.task))
        return metrics(str(self.spec.task), truth, given, self.spec.targets), given


def material(context: RunContext, transformed: Transformed) -> Material:
    """Read the transformed table and choose its rows. Raises TrainingError."""
    if context.spec.task == "forecast":
        from millrace.stages.material.forecast_material import forecast_material

        return forecast_material(context, transformed)
    spec = context.spec
    dataset = context.artifacts.open_dataset(transformed.dataset.uri)
    frame = limited_frame(dataset, spec, context.warn)
    table = training_table(frame, spec, context.warn)
    train, test = held_out(table, spec.splitting, stratify=spec.task == "classification")
    return Material(spec, table, train, test, beyond=dataset.ref.rows - len(frame))
