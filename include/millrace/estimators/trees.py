"""Forests and boosted trees: random forest, extra trees, histogram gradient boosting, XGBoost."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from millrace.errors import TrainingError
from millrace.estimators.base import Candidate
from millrace.estimators.threads import training_threads

_TASKS = frozenset({"regression", "classification"})
_FOREST = frozenset(
    {
        "bootstrap", "ccp_alpha", "class_weight", "criterion", "max_depth", "max_features", "max_leaf_nodes",
        "max_samples", "min_impurity_decrease", "min_samples_leaf", "min_samples_split", "min_weight_fraction_leaf",
        "monotonic_cst", "n_estimators", "n_jobs", "oob_score", "random_state", "verbose", "warm_start",
    }
)  # fmt: skip


class RandomForest(Candidate):
    """A random forest."""

    tasks: ClassVar[frozenset[str]] = _TASKS
    parameters: ClassVar[frozenset[str]] = _FOREST
    estimator: Literal["random_forest"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's RandomForestRegressor or -Classifier."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        model = RandomForestClassifier if task == "classification" else RandomForestRegressor
        return model(**{"n_jobs": training_threads(), "random_state": seed, **params})


class ExtraTrees(Candidate):
    """Extremely randomised trees: as a random forest, with thresholds drawn at random."""

    tasks: ClassVar[frozenset[str]] = _TASKS
    parameters: ClassVar[frozenset[str]] = _FOREST
    estimator: Literal["extra_trees"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's ExtraTreesRegressor or -Classifier."""
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        model = ExtraTreesClassifier if task == "classification" else ExtraTreesRegressor
        return model(**{"n_jobs": training_threads(), "random_state": seed, **params})


class HistGradientBoosting(Candidate):
    """Gradient boosting on histograms; takes missing numbers as they are."""

    tasks: ClassVar[frozenset[str]] = _TASKS
    parameters: ClassVar[frozenset[str]] = frozenset(
        {
            "categorical_features", "class_weight", "early_stopping", "interaction_cst", "l2_regularization",
            "learning_rate", "loss", "max_bins", "max_depth", "max_features", "max_iter", "max_leaf_nodes",
            "min_samples_leaf", "monotonic_cst", "n_iter_no_change", "quantile", "random_state", "scoring", "tol",
            "validation_fraction", "verbose", "warm_start",
        }
    )  # fmt: skip
    takes_missing: ClassVar[bool] = True
    several_targets: ClassVar[bool] = False
    estimator: Literal["hist_gradient_boosting"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's HistGradientBoosting. Early stopping is off: its validation rows are drawn against time."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        model = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
        return model(**{"early_stopping": False, "random_state": seed, **params})


class XGBoost(Candidate):
    """XGBoost; takes missing numbers as they are."""

    tasks: ClassVar[frozenset[str]] = _TASKS
    parameters: ClassVar[frozenset[str]] = frozenset(
        {
            "base_score", "booster", "class_weight", "colsample_bylevel", "colsample_bynode", "colsample_bytree",
            "gamma", "grow_policy", "importance_type", "interaction_constraints", "learning_rate", "max_bin",
            "max_delta_step", "max_depth", "max_leaves", "min_child_weight", "monotone_constraints",
            "multi_strategy", "n_estimators", "n_jobs", "num_parallel_tree", "objective", "random_state",
            "reg_alpha", "reg_lambda", "sampling_method", "scale_pos_weight", "subsample", "tree_method",
            "validate_parameters", "verbosity",
        }
    )  # fmt: skip
    takes_missing: ClassVar[bool] = True
    estimator: Literal["xgboost"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """XGBoost's scikit-learn estimator; its classifier knows neither labels nor class weights by itself."""
        from xgboost import XGBClassifier, XGBRegressor

        from millrace.estimators.labels import EncodedLabels

        given = {"random_state": seed, "tree_method": "hist", **params}
        class_weight = given.pop("class_weight", None)
        if isinstance(trees := given.get("n_estimators", 1), int) and trees < 1:  # XGBoost would answer a constant
            raise TrainingError(f"n_estimators of '{self.label}' is {trees}.", hint="Give a number of at least 1.")
        if task == "classification":
            return EncodedLabels(XGBClassifier(**given), class_weight)
        if class_weight is not None:  # XGBoost itself would take any word, and leave it unused
            raise TrainingError("class_weight is for task: classification.", hint=f"Remove it from '{self.label}'.")
        return XGBRegressor(**given)
