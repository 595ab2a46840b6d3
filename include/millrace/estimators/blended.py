"""Several fitted models as one: the weighted mean of their answers, with mended probabilities and chosen thresholds.

Each member brings its own encoder, so that a straight line gets scaled inputs and trees get them as they are. The
weights, the calibration and the thresholds are parameters here: they are chosen elsewhere, on rows that no member saw.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

SMALLEST = 1e-12
"""Probabilities are held above it before their logarithm is taken."""


def mended(shares: Any, scale: float, bias: Any) -> Any:
    """Probabilities after calibration: the softmax of their logarithms times `scale` plus `bias` for each class."""
    logits = np.log(np.clip(shares, SMALLEST, 1.0)) * scale + np.asarray(bias)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class _Blended(BaseEstimator):  # type: ignore[misc]
    members: list[tuple[str, Any]]

    def fit(self, rows: Any, y: Any) -> Any:
        """Fit a copy of each member."""
        return self.put_together([clone(member).fit(rows, y) for _, member in self.members])

    def put_together(self, fitted: list[Any]) -> Any:
        """Take members that are fitted already, in the order of `members`."""
        self.estimators_ = fitted
        return self


class BlendedRegressor(RegressorMixin, _Blended):  # type: ignore[misc]
    """`weights` has a row for each member, and for several targets a column for each target."""

    def __init__(self, members: Any = None, weights: Any = None) -> None:
        self.members = members
        self.weights = weights

    def predict(self, rows: Any) -> Any:
        """The weighted mean."""
        answers = [np.asarray(member.predict(rows), dtype=float) for member in self.estimators_]
        return np.sum(
            [answer * weight for answer, weight in zip(answers, np.asarray(self.weights), strict=True)], axis=0
        )


class BlendedClassifier(ClassifierMixin, _Blended):  # type: ignore[misc]
    """The class whose mended probability times its entry in `priorities` is the highest.

    For two classes that is a threshold: the second one where its probability is above p0 / (p0 + p1).
    """

    def __init__(
        self,
        members: Any = None,
        weights: Any = None,
        scale: float | None = None,
        bias: Any = None,
        priorities: Any = None,
    ) -> None:
        self.members = members
        self.weights = weights
        self.scale = scale
        self.bias = bias
        self.priorities = priorities

    def put_together(self, fitted: list[Any]) -> BlendedClassifier:
        """Take members that are fitted already; all know the same classes."""
        self.classes_ = fitted[0].classes_
        super().put_together(fitted)
        return self

    def predict_proba(self, rows: Any) -> Any:
        """The probabilities, in the order of `classes_`."""
        answers = [member.predict_proba(rows) for member in self.estimators_]
        shares = np.sum([answer * weight for answer, weight in zip(answers, self.weights, strict=True)], axis=0)
        return shares if self.scale is None else mended(shares, self.scale, self.bias)

    def predict(self, rows: Any) -> Any:
        """The labels."""
        return self.decide(self.predict_proba(rows))

    def decide(self, shares: Any) -> Any:
        """The labels for these probabilities."""
        weighted = shares if self.priorities is None else shares * np.asarray(self.priorities)
        return self.classes_[np.argmax(weighted, axis=1)]
