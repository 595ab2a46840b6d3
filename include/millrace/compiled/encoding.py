"""The encoder of a model as ONNX: filling, scaling, filling from one another, categories as columns of 0 and 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from millrace.compiled.graph import Graph, NotCompilable
from millrace.compiled.names import name_of


def encoded_numbers(graph: Graph, part: Any, x: str, width: int) -> tuple[str, int]:
    """A matrix of numbers through one fitted transformer; the new matrix and its width."""
    emitter = NUMBERS.get(name_of(part))
    if emitter is None:
        raise NotCompilable(f"The part {type(part).__name__} has no compiled form")
    return emitter(graph, part, x, width)


def encoded_categories(graph: Graph, part: Any, columns: list[str]) -> str:
    """Columns of texts, each a vector, through a fitted OneHotEncoder."""
    if name_of(part) != "sklearn.OneHotEncoder":
        raise NotCompilable(f"The part {type(part).__name__} has no compiled form for texts")
    if part.drop_idx_ is not None or part.handle_unknown in {"error", "warn"}:
        raise NotCompilable("OneHotEncoder is converted only without 'drop' and where it takes unknown categories")
    return graph.joined([_one_hot(graph, part, place, column) for place, column in enumerate(columns)])


def _one_hot(graph: Graph, part: Any, place: int, column: str) -> str:
    known = [str(category) for category in part.categories_[place]]
    codes, unknown = np.arange(len(known)), -1
    if part._infrequent_enabled and part._default_to_infrequent_mappings[place] is not None:
        codes = np.asarray(part._default_to_infrequent_mappings[place])
        if part.handle_unknown == "infrequent_if_exist":
            unknown = int(codes.max())
    found = graph.node(
        "LabelEncoder",
        column,
        domain="ai.onnx.ml",
        keys_strings=known,
        values_int64s=codes.astype(np.int64),
        default_int64=unknown,
    )
    standing = graph.node("Unsqueeze", found, graph.integers(1))
    width = int(codes.max()) + 1
    return graph.cast(graph.node("Equal", standing, graph.integers(*range(width))), "DOUBLE")


def _unchanged(graph: Graph, part: Any, x: str, width: int) -> tuple[str, int]:
    if getattr(part, "func", None) is not None:
        raise NotCompilable("A FunctionTransformer with a function has no compiled form")
    return x, width


def _in_order(graph: Graph, part: Any, x: str, width: int) -> tuple[str, int]:
    for _, step in part.steps:
        x, width = encoded_numbers(graph, step, x, width)
    return x, width


def _scaled(graph: Graph, part: Any, x: str, width: int) -> tuple[str, int]:
    if part.with_mean:
        x = graph.node("Sub", x, graph.constant(np.reshape(part.mean_, (1, -1))))
    if part.with_std:
        x = graph.node("Div", x, graph.constant(np.reshape(part.scale_, (1, -1))))
    return x, width


def _filled(graph: Graph, part: Any, x: str, width: int) -> tuple[str, int]:
    statistics = np.array(part.statistics_, dtype=np.float64)
    empty = np.isnan(statistics)
    if part.add_indicator or not _is_nan(part.missing_values) or (empty.any() and not part.keep_empty_features):
        raise NotCompilable("SimpleImputer is converted only for NaN, without indicator and without empty columns")
    if part.keep_empty_features and part.strategy != "constant":
        statistics[empty] = 0.0
    return graph.node("Where", graph.node("IsNaN", x), graph.constant(statistics.reshape(1, -1)), x), width


def _filled_from_one_another(graph: Graph, part: Any, x: str, width: int) -> tuple[str, int]:
    """Rounds of straight lines, one for each column; skipped where no value is missing, as in most requests."""
    _check_iterative(part)
    missing = graph.node("IsNaN", x)
    as_number = graph.cast(missing, "INT64")
    axes = graph.integers(0, 1)
    some = graph.cast(graph.node("ReduceMax", as_number, axes, keepdims=0), "BOOL")
    rounds, nothing = graph.branch(), graph.branch()
    start, _ = _filled(rounds, part.initial_imputer_, x, width)
    all_missing = rounds.cast(rounds.node("ReduceMin", as_number, axes, keepdims=0), "BOOL")
    # scikit-learn leaves the first filling as it is where a table holds no value at all.
    done = rounds.node("Where", all_missing, start, _rounds(rounds, part, start, missing, width))
    return graph.choose(some, (rounds, done), (nothing, nothing.node("Identity", x))), width


def _rounds(graph: Graph, part: Any, x: str, missing: str, width: int) -> str:
    gaps = [graph.node("And", missing, graph.constant(one[np.newaxis], bool)) for one in np.eye(width, dtype=bool)]
    for triplet in part.imputation_sequence_:
        weights = np.zeros((width, 1))
        weights[triplet.neighbor_feat_idx, 0] = triplet.estimator.coef_
        guess = graph.affine(x, weights, triplet.estimator.intercept_)
        x = graph.node("Where", gaps[triplet.feat_idx], guess, x)
    return x


def _check_iterative(part: Any) -> None:
    estimators = {name_of(triplet.estimator) for triplet in part.imputation_sequence_}
    plain = not part.sample_posterior and not part.add_indicator and part.n_iter_ > 0 and _is_nan(part.missing_values)
    unbounded = np.isneginf(part._min_value).all() and np.isposinf(part._max_value).all()
    if not plain or not unbounded or estimators - {"sklearn.BayesianRidge"}:
        raise NotCompilable("IterativeImputer is converted only with BayesianRidge, without bounds and draws")
    if part.initial_imputer_.statistics_.shape != part._min_value.shape:
        raise NotCompilable("IterativeImputer is converted only where no column was empty in training")


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and np.isnan(value)


Emitter = Callable[[Graph, Any, str, int], tuple[str, int]]
NUMBERS: dict[str, Emitter] = {
    "sklearn.FunctionTransformer": _unchanged,
    "sklearn.IterativeImputer": _filled_from_one_another,
    "sklearn.Pipeline": _in_order,
    "sklearn.SimpleImputer": _filled,
    "sklearn.StandardScaler": _scaled,
}
"""The transformers of numbers that can be compiled, by library and class."""
