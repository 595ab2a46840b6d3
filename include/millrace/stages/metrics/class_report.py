"""How well each class is told from the others: precision, recall, F1, support, and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from millrace.stages.metrics.scoring import Answer

MAX_CLASSES = 50
"""Classes that are listed, the commonest ones; a matrix of more is nothing that a person reads."""


def class_report(truth: Any, given: Answer) -> dict[str, Any]:
    """The report as small JSON; a row of `confusion` is an actual class, a column a predicted one.

    A class that was never predicted has no precision (None), one that never occurred no recall.
    """
    from sklearn.metrics import confusion_matrix

    labels, counts = np.unique(np.concatenate([truth, given.values]), return_counts=True)
    matrix = confusion_matrix(truth, given.values, labels=labels)
    listed = np.sort(np.argsort(-counts, kind="stable")[:MAX_CLASSES])
    return {
        "kind": "classes",
        "rows": len(truth),
        "classes": [_one(str(labels[place]), matrix, place) for place in listed],
        "confusion": matrix[np.ix_(listed, listed)].tolist(),
        "classes_left_out": len(labels) - len(listed),
    }


def _one(name: str, matrix: Any, place: int) -> dict[str, Any]:
    hits, support, claims = (int(n) for n in (matrix[place, place], matrix[place].sum(), matrix[:, place].sum()))
    return {
        "class": name,
        "precision": hits / claims if claims else None,
        "recall": hits / support if support else None,
        "f1": 2 * hits / (support + claims),
        "support": support,
    }
