"""Neural network, nearest neighbours, support vectors, clusters, and the dummy that every candidate must beat."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from millrace.estimators.base import Candidate
from millrace.estimators.threads import training_threads

_TASKS = frozenset({"regression", "classification"})


def _with_scaled_target(model: Any) -> Any:
    # A network or a support vector machine fits targets near zero; a target in thousands would need other defaults.
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    return TransformedTargetRegressor(regressor=model, transformer=StandardScaler(), check_inverse=False)


class NeuralNetwork(Candidate):
    """A multi-layer perceptron."""

    tasks: ClassVar[frozenset[str]] = _TASKS
    parameters: ClassVar[frozenset[str]] = frozenset(
        {
            "activation", "alpha", "batch_size", "beta_1", "beta_2", "early_stopping", "epsilon",
            "hidden_layer_sizes", "learning_rate", "learning_rate_init", "max_fun", "max_iter", "momentum",
            "n_iter_no_change", "nesterovs_momentum", "power_t", "random_state", "shuffle", "solver", "tol",
            "validation_fraction", "verbose", "warm_start",
        }
    )  # fmt: skip
    needs_scaling: ClassVar[bool] = True
    estimator: Literal["mlp"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's MLPRegressor (on a scaled target) or MLPClassifier."""
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        given = {"hidden_layer_sizes": (64, 32), "max_iter": 300, "random_state": seed, **params}
        if isinstance(given["hidden_layer_sizes"], list):
            given["hidden_layer_sizes"] = tuple(given["hidden_layer_sizes"])
        return MLPClassifier(**given) if task == "classification" else _with_scaled_target(MLPRegressor(**given))


class NearestNeighbours(Candidate):
    """The mean, or the vote, of the nearest training rows."""

    tasks: ClassVar[frozenset[str]] = _TASKS
    parameters: ClassVar[frozenset[str]] = frozenset(
        {"algorithm", "leaf_size", "metric", "metric_params", "n_jobs", "n_neighbors", "p", "weights"}
    )
    needs_scaling: ClassVar[bool] = True
    estimator: Literal["k_neighbors"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's KNeighborsRegressor or -Classifier."""
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        model = KNeighborsClassifier if task == "classification" else KNeighborsRegressor
        return model(**{"n_jobs": training_threads(), **params})


class SupportVectors(Candidate):
    """Support vector regression; its time grows with the square of the rows."""

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})
    parameters: ClassVar[frozenset[str]] = frozenset(
        {"C", "cache_size", "coef0", "degree", "epsilon", "gamma", "kernel", "max_iter", "shrinking", "tol", "verbose"}
    )
    needs_scaling: ClassVar[bool] = True
    several_targets: ClassVar[bool] = False
    estimator: Literal["svr"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's SVR on a scaled target."""
        from sklearn.svm import SVR

        return _with_scaled_target(SVR(**params))


class KMeans(Candidate):
    """k-means clusters."""

    tasks: ClassVar[frozenset[str]] = frozenset({"clustering"})
    parameters: ClassVar[frozenset[str]] = frozenset(
        {"algorithm", "copy_x", "init", "max_iter", "n_clusters", "n_init", "random_state", "tol", "verbose"}
    )
    needs_scaling: ClassVar[bool] = True
    estimator: Literal["k_means"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's KMeans."""
        from sklearn.cluster import KMeans as Model

        return Model(**{"n_init": 10, "random_state": seed, **params})


class Dummy(Candidate):
    """Answers the mean, or the commonest class, whatever it is asked: the baseline. It is never promoted."""

    tasks: ClassVar[frozenset[str]] = _TASKS
    parameters: ClassVar[frozenset[str]] = frozenset({"constant", "quantile", "random_state", "strategy"})
    is_baseline: ClassVar[bool] = True
    estimator: Literal["dummy"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's DummyRegressor or DummyClassifier."""
        from sklearn.dummy import DummyClassifier, DummyRegressor

        return DummyClassifier(**params) if task == "classification" else DummyRegressor(**params)
