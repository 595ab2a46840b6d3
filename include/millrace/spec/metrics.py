"""The metrics that each task knows, by scikit-learn's names, and which direction is the better one."""

from __future__ import annotations

METRICS: dict[str, dict[str, bool]] = {
    "regression": {"rmse": False, "mae": False, "r2": True, "mape": False, "wape": False, "median_ae": False},
    "classification": {
        "f1_macro": True,
        "accuracy": True,
        "balanced_accuracy": True,
        "precision_macro": True,
        "recall_macro": True,
        "roc_auc": True,
        "log_loss": False,
    },
    "clustering": {"silhouette": True, "davies_bouldin": False, "calinski_harabasz": True},
    "forecast": {"mape": False, "smape": False, "mase": False, "rmse": False, "mae": False},
}
"""Task to metric to `greater is better`."""

UNBOUNDED = frozenset({"calinski_harabasz"})
"""Metrics that grow without end; of the others the best value is 1 where greater is better, and 0 where it is not."""

PRIMARY_METRIC = {task: next(iter(metrics)) for task, metrics in METRICS.items()}
"""The metric that decides where a spec names none."""


def metric_names(task: str) -> list[str]:
    """The metrics that a spec of this task may name."""
    return list(METRICS[task])
