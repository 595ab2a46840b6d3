"""Which estimators `candidates: auto` tries, with which parameters first and within which ranges.

The choice goes by task, rows and targets: what would not end in time on such a table is left out. The first parameters
of each entry are good ones for most tables; its ranges are where better ones were found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from millrace.stages.search.deciding import SERVED
from millrace.stages.search.spaces import Space


@dataclass(frozen=True)
class Offer:
    """An estimator for some sizes of tables: fixed parameters, those to try first, ranges."""

    estimator: str
    tasks: tuple[str, ...] = ("regression", "classification")
    params: dict[str, Any] = field(default_factory=dict)
    starts: tuple[dict[str, Any], ...] = ()
    space: Space = field(default_factory=dict)
    most_rows: int = 10_000_000
    balanced: bool = False
    """For metrics that count every class alike: a rare class weighs as much as a common one."""

    @property
    def label(self) -> str:
        """How its trials are called."""
        return f"{self.estimator}_balanced" if self.balanced else self.estimator


_FOREST: Space = {"max_features": [0.2, 1.0], "min_samples_leaf": [1, 12]}
OFFERS: tuple[Offer, ...] = (
    Offer(
        "ridge",
        ("regression",),
        starts=({"alpha": 1.0}, {"alpha": 30.0}, {"alpha": 1000.0}),
        space={"alpha": [0.001, 1000.0]},
    ),
    Offer("logistic_regression", ("classification",), starts=({"C": 1.0},), space={"C": [0.003, 300.0]}),
    Offer(
        "logistic_regression",
        ("classification",),
        params={"class_weight": "balanced"},
        starts=({"C": 1.0},),
        space={"C": [0.003, 300.0]},
        balanced=True,
    ),
    Offer(
        "gaussian_process",
        ("regression",),
        starts=({"kernel": "matern52"}, {"kernel": "matern32"}, {"kernel": "rbf"}),
        space={"kernel": {"choices": ["matern52", "matern32", "rbf"]}},
        most_rows=1_200,
    ),
    Offer(
        "random_forest",
        params={"n_estimators": 200},
        starts=({"max_features": 0.33, "min_samples_leaf": 1},),
        space=_FOREST,
        most_rows=200_000,
    ),
    Offer(
        "random_forest",
        ("classification",),
        params={"n_estimators": 200, "class_weight": "balanced_subsample"},
        starts=({"max_features": 0.5, "min_samples_leaf": 5},),
        space={"max_features": [0.2, 1.0], "min_samples_leaf": [2, 30]},
        most_rows=200_000,
        balanced=True,
    ),
    Offer(
        "extra_trees",
        params={"n_estimators": 200},
        starts=({"max_features": 0.6, "min_samples_leaf": 1},),
        space=_FOREST,
        most_rows=200_000,
    ),
    Offer(
        "xgboost",
        starts=(
            {"learning_rate": 0.05, "n_estimators": 400, "max_depth": 6, "subsample": 0.8, "colsample_bytree": 0.8},
            {"learning_rate": 0.05, "n_estimators": 800, "max_depth": 4, "subsample": 0.7, "colsample_bytree": 1.0},
        ),
        space={
            "learning_rate": [0.015, 0.2],
            "n_estimators": [100, 1200],
            "max_depth": [3, 9],
            "min_child_weight": [1, 20],
            "subsample": [0.5, 1.0],
            "colsample_bytree": [0.4, 1.0],
            "reg_lambda": [0.05, 30.0],
        },
    ),
    Offer(
        "hist_gradient_boosting",
        starts=(
            {"learning_rate": 0.05, "max_iter": 200, "max_leaf_nodes": 31, "min_samples_leaf": 20, "max_features": 0.8},
        ),
        space={
            "learning_rate": [0.02, 0.2],
            "max_iter": [60, 600],
            "max_leaf_nodes": [6, 63],
            "min_samples_leaf": [5, 60],
            "l2_regularization": [0.001, 30.0],
            "max_features": [0.3, 1.0],
        },
    ),
    Offer(
        "k_neighbors",
        params={"weights": "distance"},
        starts=({"n_neighbors": 10},),
        space={"n_neighbors": [3, 50]},
        most_rows=30_000,
    ),
    Offer(
        "svr",
        ("regression",),
        starts=({"C": 3.0, "epsilon": 0.05},),
        space={"C": [0.3, 100.0], "epsilon": [0.005, 0.3]},
        most_rows=6_000,
    ),
    Offer(
        "mlp",
        params={"learning_rate_init": 0.003, "max_iter": 200},
        starts=({"hidden_layer_sizes": [64, 32], "alpha": 0.01},),
        space={"hidden_layer_sizes": {"choices": [[32], [64, 32], [128, 64]]}, "alpha": [0.0001, 10.0]},
        most_rows=200_000,
    ),
    Offer("k_means", ("clustering",), space={"n_clusters": [2, 12]}),
)


def portfolio(task: str, rows: int, metric: str, chosen: list[str] | None = None) -> list[Offer]:
    """The offers for a table, in the order in which they are first tried; only those of `chosen`, where given."""
    balanced = metric in SERVED
    fitting = [offer for offer in OFFERS if task in offer.tasks and (balanced or not offer.balanced)]
    if chosen is not None:
        return _all_of(chosen, fitting)
    return [offer for offer in fitting if rows <= offer.most_rows]


def _all_of(chosen: list[str], fitting: list[Offer]) -> list[Offer]:
    """What a person chose is tried at any size, and also where there is no offer, with its defaults."""
    offered = [offer for offer in fitting if offer.estimator in chosen]
    known = {offer.estimator for offer in offered}
    return offered + [Offer(name) for name in chosen if name not in known]
