"""What a person wants to know of the best model beyond its metrics: each class, or each cluster, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from millrace.estimators.threads import bounded_threads
from millrace.stages.material.held_out import Material
from millrace.stages.metrics.class_report import class_report
from millrace.stages.metrics.cluster_profile import cluster_profile
from millrace.stages.metrics.scoring import Answer


def breakdown(rows: Material, model: Any, given: Answer) -> dict[str, Any] | None:
    """The report of each class on the held-out rows, or the profile of each cluster over all rows; else None."""
    if rows.spec.task == "classification":
        return class_report(rows.testing()[1], given)
    if rows.spec.task == "clustering":
        with bounded_threads(len(rows.table)):
            return cluster_profile(rows.table.inputs, np.asarray(model.predict(rows.table.inputs)))
    return None
