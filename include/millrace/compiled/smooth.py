"""Linear models, neural networks, support vectors, neighbours, clusters and the dummy as ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from millrace.compiled.answers import Classes, by_argmax, by_half, by_sign
from millrace.compiled.graph import Graph, NotCompilable
from millrace.estimators.kernels import SMOOTHNESS

_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def linear_values(graph: Graph, model: Any, x: str) -> str:
    """Least squares with any penalty."""
    weights = np.atleast_2d(model.coef_)
    return graph.affine(x, weights.T, np.broadcast_to(model.intercept_, (weights.shape[0],)))


def logistic_classes(graph: Graph, model: Any, x: str) -> Classes:
    """LogisticRegression."""
    scores = linear_values(graph, model, x)
    return by_sign(graph, scores) if len(model.classes_) == 2 else by_argmax(graph, scores, softmax=True)


def _layers(graph: Graph, model: Any, x: str) -> str:
    for number, (weights, offset) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        x = graph.affine(x, weights, offset)
        if number < len(model.coefs_) - 1 and model.activation != "identity":
            x = graph.node(_ACTIVATIONS[model.activation], x)
    return x


def network_values(graph: Graph, model: Any, x: str) -> str:
    """MLPRegressor."""
    if model.out_activation_ != "identity":
        raise NotCompilable(f"A network with the output activation '{model.out_activation_}' has no compiled form")
    return _layers(graph, model, x)


def network_classes(graph: Graph, model: Any, x: str) -> Classes:
    """MLPClassifier."""
    scores = _layers(graph, model, x)
    if model.out_activation_ == "softmax":
        return by_argmax(graph, scores, softmax=True)
    return by_half(graph, graph.node("Sigmoid", scores))


def _squared_distances(graph: Graph, x: str, points: Any) -> str:
    return graph.node("CDist", x, graph.constant(points), domain="com.microsoft", metric="sqeuclidean")


def _kernel(graph: Graph, model: Any, x: str) -> str:
    vectors = np.asarray(model.support_vectors_, dtype=np.float64)
    gamma = graph.constant(float(model._gamma))
    if model.kernel == "rbf":
        far = graph.node("Mul", _squared_distances(graph, x, vectors), graph.constant(-float(model._gamma)))
        return graph.node("Exp", far)
    products = graph.node("MatMul", x, graph.constant(vectors.T))
    if model.kernel == "linear":
        return products
    shifted = graph.node("Add", graph.node("Mul", products, gamma), graph.constant(float(model.coef0)))
    if model.kernel == "poly":
        return graph.node("Pow", shifted, graph.constant(float(model.degree)))
    if model.kernel == "sigmoid":
        return graph.node("Tanh", shifted)
    raise NotCompilable(f"SVR with the kernel '{model.kernel}' has no compiled form")


def support_values(graph: Graph, model: Any, x: str) -> str:
    """SVR."""
    return graph.affine(_kernel(graph, model, x), np.asarray(model.dual_coef_).T, model.intercept_)


def process_values(graph: Graph, model: Any, x: str) -> str:
    """A Gaussian process's mean: similarities to the training points, weighed."""
    scaled = graph.node("Div", x, graph.constant(np.reshape(model.scales_, (1, -1))))
    squares = _squared_distances(graph, scaled, model.points_)
    if model.kernel == "rbf":
        similar = graph.node("Exp", graph.node("Mul", squares, graph.constant(-0.5)))
    else:
        similar = _matern(graph, model.kernel, squares)
    return graph.affine(similar, np.reshape(model.weights_, (-1, 1)), [model.offset_])


def _matern(graph: Graph, kernel: str, squares: str) -> str:
    factor = graph.constant(2 * SMOOTHNESS[kernel])
    held = graph.node("Max", graph.node("Mul", squares, factor), graph.constant(0.0))
    far = graph.node("Sqrt", held)
    terms = [graph.constant(1.0), far]
    if kernel == "matern52":
        terms.append(graph.node("Div", held, graph.constant(3.0)))
    return graph.node("Mul", graph.node("Sum", *terms), graph.node("Exp", graph.node("Neg", far)))


def _nearest(graph: Graph, model: Any, x: str) -> tuple[str, str]:
    """The places of the nearest training rows, and their weights as a column each: (rows, k), (rows, k, 1)."""
    points = np.asarray(model._fit_X, dtype=np.float64)
    metric, weighting = model.effective_metric_, model.weights
    if metric != "euclidean" or weighting not in {"uniform", "distance"}:
        raise NotCompilable(f"Nearest neighbours by '{metric}' with weights '{weighting}' have no compiled form")
    distances = _squared_distances(graph, x, points)
    _, places = graph.nodes("TopK", distances, graph.integers(model.n_neighbors), outputs=2, axis=1, largest=0)
    if model.weights == "uniform":
        ones = np.full((1, model.n_neighbors, 1), 1.0 / model.n_neighbors)
        return places, graph.constant(ones)
    rows = graph.node("Gather", graph.constant(points), places, axis=0)
    apart = graph.node("Sub", rows, graph.node("Unsqueeze", x, graph.integers(1)))
    square = graph.node("ReduceSum", graph.node("Mul", apart, apart), graph.integers(2), keepdims=1)
    inverse = graph.node("Div", graph.constant(1.0), graph.node("Sqrt", square))
    at_zero = graph.node("Equal", square, graph.constant(0.0))
    exact = graph.cast(at_zero, "DOUBLE")
    any_exact = graph.node("ReduceMax", exact, graph.integers(1), keepdims=1)
    weights = graph.node("Where", graph.node("Greater", any_exact, graph.constant(0.0)), exact, inverse)
    return places, graph.node("Div", weights, graph.node("ReduceSum", weights, graph.integers(1), keepdims=1))


def _neighbours_mean(graph: Graph, model: Any, x: str, truth: Any) -> str:
    places, weights = _nearest(graph, model, x)
    found = graph.node("Gather", graph.constant(truth), places, axis=0)
    return graph.node("ReduceSum", graph.node("Mul", found, weights), graph.integers(1), keepdims=0)


def neighbours_values(graph: Graph, model: Any, x: str) -> str:
    """KNeighborsRegressor."""
    truth = np.asarray(model._y, dtype=np.float64)
    return _neighbours_mean(graph, model, x, truth.reshape(len(truth), -1))


def neighbours_classes(graph: Graph, model: Any, x: str) -> Classes:
    """KNeighborsClassifier."""
    truth = np.eye(len(model.classes_))[np.asarray(model._y).ravel()]
    return by_argmax(graph, _neighbours_mean(graph, model, x, truth))


def cluster_labels(graph: Graph, model: Any, x: str) -> str:
    """KMeans: the nearest centre."""
    return graph.node("ArgMin", _squared_distances(graph, x, model.cluster_centers_), axis=1, keepdims=0)


def dummy_values(graph: Graph, model: Any, x: str) -> str:
    """DummyRegressor."""
    return graph.repeated(model.constant_, x)


def dummy_classes(graph: Graph, model: Any, x: str) -> Classes:
    """DummyClassifier, where it answers the same whatever it is asked."""
    if model.strategy not in {"prior", "most_frequent", "constant"}:
        raise NotCompilable(f"DummyClassifier with the strategy '{model.strategy}' answers at random")
    shares = np.asarray(model.predict_proba(np.zeros((1, 1))))
    return by_argmax(graph, graph.repeated(shares, x))
