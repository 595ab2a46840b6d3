"""Lets an estimator that counts its classes 0, 1, 2 … learn and answer with the labels of the table."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.class_weight import compute_sample_weight


class EncodedLabels(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier around another: `classes_` and `predict` speak the table's labels."""

    def __init__(self, classifier: Any = None, class_weight: Any = None) -> None:
        self.classifier = classifier
        self.class_weight = class_weight

    def fit(self, rows: Any, y: Any) -> EncodedLabels:
        """Fit the inner classifier on the positions of the labels in `classes_`."""
        self.classes_, positions = np.unique(y, return_inverse=True)
        # The weights of the rows stand for those of the classes.
        weights = None if self.class_weight is None else compute_sample_weight(self.class_weight, y)
        self.classifier_ = clone(self.classifier).fit(rows, positions, sample_weight=weights)
        return self

    def predict(self, rows: Any) -> Any:
        """The labels."""
        return self.classes_[np.asarray(self.classifier_.predict(rows), dtype=int)]

    def predict_proba(self, rows: Any) -> Any:
        """The probabilities, in the order of `classes_`."""
        return self.classifier_.predict_proba(rows)
