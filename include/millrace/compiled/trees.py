"""Trees as ONNX: forests, histogram gradient boosting, XGBoost.

Each family's own arrays become one `Trees` and one operator. Inputs are rounded to float32 first where the family
does so itself; thresholds stay as they are, so that every row takes the very same path.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from millrace.compiled.answers import Classes, by_argmax, by_sign
from millrace.compiled.graph import Graph, NotCompilable

LESS_OR_EQUAL, LESS = 0, 1
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Tree:
    """One tree: arrays with an entry for each node, a leaf's `left` being negative."""

    left: Array
    right: Array
    feature: Array
    threshold: Array
    missing_left: Array
    value: Array
    target: int = 0


def emit(graph: Graph, x: str, trees: Iterable[Tree], targets: int, comparison: int) -> str:
    """The sum of the trees' leaves for each target, as a matrix."""
    parts = [_numbered(tree) for tree in trees]
    inner_before = np.cumsum([0, *(len(part["nodes_splits"]) for part in parts)])
    leaves_before = np.cumsum([0, *(len(part["leaf_weights"]) for part in parts)])
    for part, inner, leaves in zip(parts, inner_before, leaves_before, strict=False):
        for side in ("true", "false"):
            part[f"nodes_{side}nodeids"] += np.where(part[f"nodes_{side}leafs"] == 1, leaves, inner)
    merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    merged["nodes_modes"] = np.full(len(merged["nodes_splits"]), comparison, dtype=np.uint8)
    merged["tree_roots"] = inner_before[:-1].astype(np.int64)
    return graph.node("TreeEnsemble", x, domain="ai.onnx.ml", n_targets=targets, **merged)


def _numbered(tree: Tree) -> dict[str, Array]:
    """One tree in ONNX's form, counted from 0: inner nodes and leaves apart."""
    is_leaf = tree.left < 0
    if is_leaf[0]:  # a tree without a split: one inner node, both of whose branches are the leaf
        zeros, ones = np.zeros(1, np.int64), np.ones(1, np.int64)
        nodes = {"feature": zeros, "threshold": np.zeros(1), "missing": zeros}
        sides = {"true": (zeros.copy(), ones), "false": (zeros.copy(), ones)}
    else:
        place = np.where(is_leaf, np.cumsum(is_leaf) - 1, np.cumsum(~is_leaf) - 1).astype(np.int64)
        inner = ~is_leaf
        nodes = {
            "feature": tree.feature[inner].astype(np.int64),
            "threshold": tree.threshold[inner].astype(np.float64),
            "missing": tree.missing_left[inner].astype(np.int64),
        }
        children = {"true": tree.left[inner].astype(np.int64), "false": tree.right[inner].astype(np.int64)}
        sides = {side: (place[child], is_leaf[child].astype(np.int64)) for side, child in children.items()}
    weights = np.asarray(tree.value, dtype=np.float64)[is_leaf]
    return {
        "nodes_featureids": nodes["feature"],
        "nodes_splits": nodes["threshold"],
        "nodes_missing_value_tracks_true": nodes["missing"],
        "nodes_truenodeids": sides["true"][0],
        "nodes_trueleafs": sides["true"][1],
        "nodes_falsenodeids": sides["false"][0],
        "nodes_falseleafs": sides["false"][1],
        "leaf_weights": weights,
        "leaf_targetids": np.full(len(weights), tree.target, dtype=np.int64),
    }


def _as_float32(graph: Graph, x: str) -> str:
    return graph.cast(graph.cast(x, "FLOAT"), "DOUBLE")


def _sklearn_tree(estimator: Any, value: Array, target: int = 0) -> Tree:
    tree = estimator.tree_
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
    left = np.asarray(tree.children_left)
    return Tree(left, np.asarray(tree.children_right), np.asarray(tree.feature), np.asarray(tree.threshold),
                np.asarray(missing), value, target)  # fmt: skip


def _forest_means(graph: Graph, model: Any, x: str) -> str:
    """The mean over the trees of each leaf's vector: a leaf's number is looked up in one table of vectors."""
    trees, tables, before = [], [], 0
    for number, member in enumerate(model.estimators_):
        values = np.asarray(member.tree_.value)[:, :, 0] if _is_regressor(model) else _shares(member)
        is_leaf = np.asarray(member.tree_.children_left) < 0
        trees.append(_sklearn_tree(member, before + np.cumsum(is_leaf) - 1.0, number))
        tables.append(values[is_leaf])
        before += int(is_leaf.sum())
    reached = emit(graph, _as_float32(graph, x), trees, len(trees), LESS_OR_EQUAL)
    looked_up = graph.node("Gather", graph.constant(np.concatenate(tables)), graph.cast(reached, "INT64"), axis=0)
    total = graph.node("ReduceSum", looked_up, graph.integers(1), keepdims=0)
    return graph.node("Div", total, graph.constant(float(len(trees))))


def _is_regressor(model: Any) -> bool:
    return not hasattr(model, "classes_")


def _shares(member: Any) -> Array:
    values: Array = np.asarray(member.tree_.value)[:, 0, :]
    return values


def forest_values(graph: Graph, model: Any, x: str) -> str:
    """A random forest's or extra trees' means."""
    if model.n_outputs_ > 1:
        return _forest_means(graph, model, x)
    trees = [_sklearn_tree(member, np.asarray(member.tree_.value)[:, 0, 0]) for member in model.estimators_]
    total = emit(graph, _as_float32(graph, x), trees, 1, LESS_OR_EQUAL)
    return graph.node("Div", total, graph.constant(float(len(trees))))


def forest_classes(graph: Graph, model: Any, x: str) -> Classes:
    """A random forest's or extra trees' probabilities."""
    return by_argmax(graph, _forest_means(graph, model, x))


def _histogram_raw(graph: Graph, model: Any, x: str) -> str:
    trees = []
    for iteration in model._predictors:
        for target, predictor in enumerate(iteration):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise NotCompilable("HistGradientBoosting splits by sets of categories here, which is not converted")
            left = np.where(nodes["is_leaf"] == 1, -1, nodes["left"].astype(np.int64))
            trees.append(Tree(left, nodes["right"].astype(np.int64), nodes["feature_idx"], nodes["num_threshold"],
                              nodes["missing_go_to_left"], nodes["value"], target))  # fmt: skip
    base = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1, -1)
    return graph.node("Add", emit(graph, x, trees, base.shape[1], LESS_OR_EQUAL), graph.constant(base))


def histogram_values(graph: Graph, model: Any, x: str) -> str:
    """HistGradientBoostingRegressor: the raw sum through the inverse of the loss's link."""
    raw = _histogram_raw(graph, model, x)
    link = type(model._loss.link).__name__
    if link == "IdentityLink":
        return raw
    if link == "LogLink":
        return graph.node("Exp", raw)
    raise NotCompilable(f"HistGradientBoosting with the loss '{model.loss}' has no compiled form")


def histogram_classes(graph: Graph, model: Any, x: str) -> Classes:
    """HistGradientBoostingClassifier."""
    raw = _histogram_raw(graph, model, x)
    return by_sign(graph, raw) if len(model.classes_) == 2 else by_argmax(graph, raw, softmax=True)


def _boosted_raw(graph: Graph, model: Any, x: str) -> tuple[str, str]:
    """XGBoost's raw sum and the name of its objective, from its own JSON."""
    document = json.loads(bytes(model.get_booster().save_raw("json")))["learner"]
    booster, parameters = document["gradient_booster"], document["learner_model_param"]
    if booster["name"] != "gbtree":
        raise NotCompilable(f"XGBoost with booster '{booster['name']}' has no compiled form")
    objective = document["objective"]["name"]
    groups = max(int(parameters["num_class"]), int(parameters["num_target"]), 1)
    written = zip(booster["model"]["trees"], booster["model"]["tree_info"], strict=True)
    trees = [_boosted_tree(tree, target) for tree, target in written]
    base = np.broadcast_to(np.asarray(json.loads(parameters["base_score"]), dtype=np.float64), (groups,))
    if objective == "binary:logistic":
        base = np.log(base / (1 - base))
    elif objective in _LOG_OBJECTIVES:
        base = np.log(base)
    total = emit(graph, _as_float32(graph, x), trees, groups, LESS)
    return graph.node("Add", total, graph.constant(base.reshape(1, -1))), objective


_LOG_OBJECTIVES = {"count:poisson", "reg:gamma", "reg:tweedie"}
_PLAIN_OBJECTIVES = {"reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror"}


def _boosted_tree(tree: dict[str, Any], target: int) -> Tree:
    if any(tree["split_type"]) or tree["tree_param"]["size_leaf_vector"] not in {"0", "1"}:
        raise NotCompilable("XGBoost with sets of categories or with vector leaves has no compiled form")
    # XGBoost's JSON writes float32 in decimal; a leaf's value stands where an inner node has its threshold.
    split = np.asarray(tree["split_conditions"], dtype=np.float32).astype(np.float64)
    left, right = np.asarray(tree["left_children"]), np.asarray(tree["right_children"])
    return Tree(left, right, np.asarray(tree["split_indices"]), split, np.asarray(tree["default_left"]), split, target)


def boosted_values(graph: Graph, model: Any, x: str) -> str:
    """XGBRegressor."""
    raw, objective = _boosted_raw(graph, model, x)
    if objective in _PLAIN_OBJECTIVES:
        return raw
    if objective in _LOG_OBJECTIVES:
        return graph.node("Exp", raw)
    raise NotCompilable(f"XGBoost with the objective '{objective}' has no compiled form")


def boosted_classes(graph: Graph, model: Any, x: str) -> Classes:
    """XGBClassifier."""
    raw, objective = _boosted_raw(graph, model, x)
    if objective == "binary:logistic":
        return by_sign(graph, raw)
    if objective == "multi:softprob":
        return by_argmax(graph, raw, softmax=True)
    raise NotCompilable(f"XGBoost with the objective '{objective}' has no compiled form")
