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

NEEDS_PROBABILITIES = frozenset({"roc_auc", "log_loss"})
"""Metrics that the prediction log cannot give: it keeps answers, not the probabilities of all classes."""


def metric_names(task: str) -> list[str]:
    """The metrics that a spec of this task may name."""
    return list(METRICS[task])


def require_live_metric(section: str, metric: str, task: str) -> None:
    """Refuse a metric that the live predictions of this task cannot give. Raises ValueError that names the section."""
    allowed = [name for name in METRICS[task] if name not in NEEDS_PROBABILITIES]
    if metric not in allowed:
        raise ValueError(f"{section} cannot watch '{metric}'. Set {section}.metric to one of: {', '.join(allowed)}.")
