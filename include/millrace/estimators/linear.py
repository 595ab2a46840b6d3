"""Linear models: least squares with a choice of penalty, and logistic regression."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from millrace.estimators.base import Candidate


class LinearRegression(Candidate):
    """Ordinary least squares: no parameter to choose."""

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})
    parameters: ClassVar[frozenset[str]] = frozenset({"copy_X", "fit_intercept", "n_jobs", "positive", "tol"})
    needs_scaling: ClassVar[bool] = True
    estimator: Literal["linear"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's LinearRegression."""
        from sklearn.linear_model import LinearRegression as Model

        return Model(**params)


class Ridge(Candidate):
    """Least squares with a penalty on the squares of the weights."""

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})
    parameters: ClassVar[frozenset[str]] = frozenset(
        {"alpha", "copy_X", "fit_intercept", "max_iter", "positive", "random_state", "solver", "tol"}
    )
    needs_scaling: ClassVar[bool] = True
    estimator: Literal["ridge"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's Ridge."""
        from sklearn.linear_model import Ridge as Model

        return Model(**{"random_state": seed, **params})


class ElasticNet(Candidate):
    """Least squares with both penalties; `l1_ratio: 1` is the lasso."""

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})
    parameters: ClassVar[frozenset[str]] = frozenset(
        {
            "alpha", "copy_X", "fit_intercept", "l1_ratio", "max_iter", "positive", "precompute", "random_state",
            "selection", "tol", "warm_start",
        }
    )  # fmt: skip
    needs_scaling: ClassVar[bool] = True
    estimator: Literal["elastic_net"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's ElasticNet; a small penalty by default, since the inputs are scaled."""
        from sklearn.linear_model import ElasticNet as Model

        return Model(**{"alpha": 0.001, "max_iter": 10_000, "random_state": seed, **params})


class LogisticRegression(Candidate):
    """Logistic regression."""

    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    parameters: ClassVar[frozenset[str]] = frozenset(
        {
            "C", "class_weight", "dual", "fit_intercept", "intercept_scaling", "l1_ratio", "max_iter", "n_jobs",
            "penalty", "random_state", "solver", "tol", "verbose", "warm_start",
        }
    )  # fmt: skip
    needs_scaling: ClassVar[bool] = True
    estimator: Literal["logistic_regression"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's LogisticRegression, with room to converge."""
        from sklearn.linear_model import LogisticRegression as Model

        return Model(**{"max_iter": 2_000, "random_state": seed, **params})
