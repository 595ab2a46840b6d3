"""Asks the fitted scikit-learn Pipeline itself: for models that have no compiled form."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.runtime.predictors.base import Asked, Columns


class SklearnPredictor:
    """A Pipeline asked by `predict` and, for a classification, `predict_proba`."""

    is_compiled = False
    is_quick = False

    def __init__(self, estimator: Any, task: str | None) -> None:
        """`task` is what the model says of itself, if anything."""
        self._estimator = estimator
        gives_shares = task in {"classification", None} and hasattr(estimator, "predict_proba")
        self.labels: list[Any] | None = estimator.classes_.tolist() if gives_shares else None
        self._places = {label: place for place, label in enumerate(self.labels or [])}

    def ask(self, columns: Columns) -> Asked:
        """The Pipeline's answers for a table of these columns."""
        import pandas as pd

        table = pd.DataFrame(columns, copy=False)
        values = self._estimator.predict(table).tolist()
        if self.labels is None:
            return Asked(values)
        shares = np.asarray(self._estimator.predict_proba(table))
        places = [self._places[value] for value in values]
        return Asked(values, shares[np.arange(len(places)), places].tolist(), shares)
