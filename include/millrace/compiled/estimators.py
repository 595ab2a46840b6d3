"""Which estimators can be compiled, and how those are that hold others: ensembles, several targets, scaled targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millrace.compiled import smooth, trees
from millrace.compiled.answers import Classes, by_argmax
from millrace.compiled.graph import Graph, NotCompilable
from millrace.compiled.names import name_of


def values_of(graph: Graph, model: Any, x: str) -> str:
    """A regressor's answers as a matrix, a column for each target."""
    emitter = REGRESSORS.get(name_of(model))
    if emitter is None:
        raise NotCompilable(f"{type(model).__name__} has no compiled form")
    return emitter(graph, model, x)


def classes_of(graph: Graph, model: Any, x: str) -> Classes:
    """A classifier's answers, by the positions of its labels."""
    emitter = CLASSIFIERS.get(name_of(model))
    if emitter is None:
        raise NotCompilable(f"{type(model).__name__} has no compiled form")
    return emitter(graph, model, x)


def _several_targets(graph: Graph, model: Any, x: str) -> str:
    return graph.joined([values_of(graph, member, x) for member in model.estimators_])


def _scaled_target(graph: Graph, model: Any, x: str) -> str:
    scaler = model.transformer_
    if name_of(scaler) != "sklearn.StandardScaler" or not (scaler.with_mean and scaler.with_std):
        raise NotCompilable(f"A target transformed by {type(scaler).__name__} has no compiled form")
    scaled = graph.node("Mul", values_of(graph, model.regressor_, x), graph.constant(scaler.scale_.reshape(1, -1)))
    return graph.node("Add", scaled, graph.constant(scaler.mean_.reshape(1, -1)))


def _shares_of_votes(model: Any) -> Sequence[float]:
    weights = np.asarray(model._weights_not_none if model.weights is not None else np.ones(len(model.estimators_)))
    return (weights / weights.sum()).tolist()  # type: ignore[no-any-return]


def _mean(graph: Graph, parts: Sequence[str], shares: Sequence[float]) -> str:
    weighted = [graph.node("Mul", part, graph.constant(share)) for part, share in zip(parts, shares, strict=True)]
    return graph.node("Sum", *weighted)


def _voted_values(graph: Graph, model: Any, x: str) -> str:
    return _mean(graph, [values_of(graph, member, x) for member in model.estimators_], _shares_of_votes(model))


def _voted_classes(graph: Graph, model: Any, x: str) -> Classes:
    if model.voting != "soft":
        raise NotCompilable("VotingClassifier with hard votes has no compiled form")
    members = [classes_of(graph, member, x).shares for member in model.estimators_]
    return by_argmax(graph, _mean(graph, members, _shares_of_votes(model)))


def _inner_classes(graph: Graph, model: Any, x: str) -> Classes:
    # The inner classifier counts its classes, and the counts are the positions of the table's labels.
    return classes_of(graph, model.classifier_, x)


REGRESSORS: dict[str, Callable[[Graph, Any, str], str]] = {
    "millrace.ScaledProcess": smooth.process_values,
    "sklearn.DummyRegressor": smooth.dummy_values,
    "sklearn.ElasticNet": smooth.linear_values,
    "sklearn.ExtraTreesRegressor": trees.forest_values,
    "sklearn.HistGradientBoostingRegressor": trees.histogram_values,
    "sklearn.KNeighborsRegressor": smooth.neighbours_values,
    "sklearn.LinearRegression": smooth.linear_values,
    "sklearn.MLPRegressor": smooth.network_values,
    "sklearn.MultiOutputRegressor": _several_targets,
    "sklearn.RandomForestRegressor": trees.forest_values,
    "sklearn.Ridge": smooth.linear_values,
    "sklearn.SVR": smooth.support_values,
    "sklearn.TransformedTargetRegressor": _scaled_target,
    "sklearn.VotingRegressor": _voted_values,
    "xgboost.XGBRegressor": trees.boosted_values,
}
CLASSIFIERS: dict[str, Callable[[Graph, Any, str], Classes]] = {
    "millrace.EncodedLabels": _inner_classes,
    "sklearn.DummyClassifier": smooth.dummy_classes,
    "sklearn.ExtraTreesClassifier": trees.forest_classes,
    "sklearn.HistGradientBoostingClassifier": trees.histogram_classes,
    "sklearn.KNeighborsClassifier": smooth.neighbours_classes,
    "sklearn.LogisticRegression": smooth.logistic_classes,
    "sklearn.MLPClassifier": smooth.network_classes,
    "sklearn.RandomForestClassifier": trees.forest_classes,
    "sklearn.VotingClassifier": _voted_classes,
    "xgboost.XGBClassifier": trees.boosted_classes,
}
CLUSTERINGS: dict[str, Callable[[Graph, Any, str], str]] = {"sklearn.KMeans": smooth.cluster_labels}
"""The estimators that can be compiled, by library and class."""
