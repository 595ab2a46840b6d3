"""Which estimators to try on a table of this size, so that a first run ends within a minute or so."""

from __future__ import annotations

from typing import Any

from millrace.profiling.target import Goal

FOREST_ROWS = 20_000
MANY_CLASSES = 10


def candidates_for(goal: Goal, rows: int) -> list[dict[str, Any]]:
    """Two to four candidates: a linear one, which is hard to beat on clean signal, and trees."""
    if goal.task == "clustering":
        return [{"estimator": "k_means", "search": {"n_clusters": [2, 10]}, "trials": 8}]
    name = "ridge" if goal.task == "regression" else "logistic_regression"
    linear: dict[str, Any] = {"estimator": name}
    boosting = {"estimator": "hist_gradient_boosting", "params": {"learning_rate": 0.1, "max_iter": 150}}
    # A third of the features a split: three times as fast as all of them, and mostly as good.
    forest = {
        "estimator": "random_forest",
        "params": {"n_estimators": 100, "min_samples_leaf": 2, "max_features": 0.33},
    }
    chosen = [linear]
    if rows <= FOREST_ROWS:
        chosen.append(forest)
    if len(goal.classes) <= MANY_CLASSES:
        chosen.append(boosting)
    if goal.task == "regression":
        # The mean of a straight line and a flexible model: often better than either, above all over time.
        chosen.append({"estimator": "voting", "members": [name, "hist_gradient_boosting"]})
    return chosen if len(chosen) > 1 else [linear, {**forest, "params": {"n_estimators": 40, "max_depth": 15}}]
