"""One model version in memory: checks rows, predicts, and says its answer in plain JSON values.

The only place that knows how the model itself is called.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from millrace.errors import MillraceError
from millrace.stores.base import ModelVersion
from serving.failures import ModelFailedError
from serving.runtime.codec import Codec
from serving.runtime.signature import Signature


@dataclass(frozen=True)
class Predictions:
    """The answers for some rows, in their order."""

    values: list[Any]
    confidences: list[float] | None = None
    probabilities: list[dict[str, float]] | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A fitted scikit-learn Pipeline with what is known of it."""

    version: ModelVersion
    estimator: Any
    signature: Signature
    codec: Codec
    metadata: dict[str, Any]
    loaded_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        """The model's name, which is its pipeline's."""
        return self.version.name

    @property
    def is_compiled(self) -> bool:
        """Whether a row costs microseconds, so that it may be predicted on the event loop itself."""
        return False

    @property
    def task(self) -> str:
        """What the model does."""
        stated = self.metadata.get("task") or self.version.tags.get("millrace.task")
        return str(stated or ("classification" if hasattr(self.estimator, "predict_proba") else "regression"))

    @property
    def targets(self) -> list[str]:
        """The names of what it predicts."""
        return [str(name) for name in self.metadata.get("targets") or []]

    def predict(self, rows: list[Any], *, probabilities: bool = False) -> Predictions:
        """The predictions for rows as they came from JSON. Raises RequestError or ModelFailedError."""
        return self.predict_columns(self.codec.decode(rows), probabilities=probabilities)

    def predict_columns(self, columns: dict[str, Any], *, probabilities: bool = False) -> Predictions:
        """The predictions for columns as the codec makes them. Raises ModelFailedError."""
        try:
            return self._ask(columns, probabilities)
        except MillraceError:
            raise
        except Exception as error:
            raise ModelFailedError(
                f"The model {self.name} (version {self.version.version}) failed on these rows: {type(error).__name__}.",
                hint="The service's log has the reason.",
            ) from error

    def warm_up(self) -> None:
        """Predict the example once: a version that cannot do so must not serve."""
        self.predict([self.signature.example])

    def _ask(self, columns: dict[str, Any], probabilities: bool) -> Predictions:
        import pandas as pd

        table = pd.DataFrame(columns, copy=False)
        values = self._plain(self.estimator.predict(table).tolist())
        if self.task != "classification" or not hasattr(self.estimator, "predict_proba"):
            return Predictions(values)
        shares = self.estimator.predict_proba(table).tolist()
        labels = self.estimator.classes_.tolist()
        place = {label: index for index, label in enumerate(labels)}
        confidences = [row[place[value]] for row, value in zip(shares, values, strict=True)]
        by_class = [dict(zip(map(_label, labels), row, strict=True)) for row in shares] if probabilities else None
        return Predictions(values, confidences, by_class)

    def _plain(self, values: list[Any]) -> list[Any]:
        """Predictions as JSON values; several targets as an object by name."""
        if any(not math.isfinite(number) for value in values for number in _numbers(value)):
            raise ModelFailedError(
                f"The model {self.name} (version {self.version.version}) answered with no finite number.",
                hint="Look at the inputs: they may lie far outside of what it was trained on.",
            )
        if not values or not isinstance(values[0], list):
            return values
        if len(values[0]) == 1:
            return [value[0] for value in values]
        names = self.targets or [f"target_{index}" for index in range(len(values[0]))]
        return [dict(zip(names, value, strict=True)) for value in values]


def _numbers(value: Any) -> list[float]:
    parts = value if isinstance(value, list) else [value]
    return [part for part in parts if isinstance(part, float)]


def _label(label: Any) -> str:
    """A class label as a key of a JSON object, spelt as JSON spells the label itself."""
    return str(label).lower() if isinstance(label, bool) else str(label)
