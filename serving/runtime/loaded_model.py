"""One model version in memory: checks rows, predicts, and says its answer in plain JSON values.

The only place that knows how the model itself is called.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

from millrace.errors import MillraceError
from millrace.inputs.signature import Signature
from millrace.stores.base import CACHE_TAG, ModelVersion
from serving.failures import ModelFailedError
from serving.runtime.codec import Codec
from serving.runtime.predictors.base import Predictor
from serving.runtime.predictors.sklearn import SklearnPredictor

CACHE_SECONDS = 3600.0
"""For a version that says nothing of it, from before there was a cache."""
_REPEATABLE = frozenset({"regression", "classification", "clustering"})


class Predictions(NamedTuple):
    """The answers for some rows, in their order."""

    values: list[Any]
    confidences: list[float] | None = None
    probabilities: list[dict[str, float]] | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A fitted scikit-learn Pipeline, or what answers in its place, with what is known of it."""

    version: ModelVersion
    estimator: Any
    """The Pipeline, where it answers in this process; None where `predictor` does."""
    signature: Signature
    codec: Codec
    metadata: dict[str, Any]
    predictor: Predictor | None = None
    """The compiled form, or the way to the process that holds the Pipeline."""
    loaded_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        """The model's name, which is its pipeline's."""
        return self.version.name

    @cached_property
    def stamp(self) -> bytes:
        """What tells this version from every other, also from another registry's of the same number."""
        about = self.version
        said = "\0".join((about.name, about.version, about.run_id, about.created, self.served_by))
        return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    @cached_property
    def cache_seconds(self) -> float:
        """How long an answer may be used again; 0: not at all. Only answers that depend on their row alone may."""
        if self.task not in _REPEATABLE:
            return 0.0
        stated = self.version.tags.get(CACHE_TAG, CACHE_SECONDS)
        try:
            return max(0.0, float(stated))
        except ValueError:
            return CACHE_SECONDS

    @property
    def is_compiled(self) -> bool:
        """Whether a compiled form answers, and a row costs it so little that the event loop itself may ask it."""
        return self._asked_by.is_quick

    @property
    def served_by(self) -> str:
        """What answers: `compiled` or `scikit-learn`."""
        return "compiled" if self._asked_by.is_compiled else "scikit-learn"

    @property
    def task(self) -> str:
        """What the model does."""
        stated = stated_task(self.version, self.metadata)
        return stated or ("classification" if self._has_classes else "regression")

    @property
    def _has_classes(self) -> bool:
        if self.predictor is not None:
            return self.predictor.labels is not None
        return hasattr(self.estimator, "predict_proba")

    @property
    def labels(self) -> list[Any] | None:
        """The classes, where it tells their probabilities."""
        return self._asked_by.labels

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
        _ = self.example_answer

    @cached_property
    def example_answer(self) -> Predictions:
        """What it says of its example, with the probabilities: whoever describes the model asks nobody for it."""
        return self.predict([self.signature.example], probabilities=True)

    def _ask(self, columns: dict[str, Any], probabilities: bool) -> Predictions:
        predictor = self._asked_by
        found = predictor.ask(columns)
        if found.confidences is None:
            self._check_finite(found.values)
            return Predictions(self._named(found.values))
        self._check_finite(found.confidences)
        if not probabilities:
            return Predictions(found.values, found.confidences)
        labels = [_label(label) for label in predictor.labels or []]
        by_class = [dict(zip(labels, row, strict=True)) for row in found.shares.tolist()]
        return Predictions(found.values, found.confidences, by_class)

    @cached_property
    def _asked_by(self) -> Predictor:
        return self.predictor or SklearnPredictor(self.estimator, self.task)

    def _check_finite(self, values: list[Any]) -> None:
        if not _are_finite(values):
            raise ModelFailedError(
                f"The model {self.name} (version {self.version.version}) answered with no finite number.",
                hint="Look at the inputs: they may lie far outside of what it was trained on.",
            )

    def _named(self, values: list[Any]) -> list[Any]:
        """Several targets as an object by name; one target as its number."""
        if not values or not isinstance(values[0], list):
            return values
        if len(values[0]) == 1:
            return [value[0] for value in values]
        names = self.targets or [f"target_{index}" for index in range(len(values[0]))]
        return [dict(zip(names, value, strict=True)) for value in values]


def stated_task(version: ModelVersion, metadata: dict[str, Any]) -> str | None:
    """What a version says that it does; None for a model that says nothing."""
    stated = metadata.get("task") or version.tags.get("millrace.task")
    return str(stated) if stated else None


def _are_finite(values: list[Any]) -> bool:
    try:
        return all(map(math.isfinite, values))
    except (TypeError, OverflowError):  # labels, or several targets
        return all(map(_is_finite, values))


def _is_finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(math.isfinite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _label(label: Any) -> str:
    """A class label as a key of a JSON object, spelt as JSON spells the label itself."""
    return str(label).lower() if isinstance(label, bool) else str(label)
