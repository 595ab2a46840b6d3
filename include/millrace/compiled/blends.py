"""Blends as ONNX: the weighted mean of members that each have an encoder of their own, calibration, thresholds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from millrace.compiled.estimators import classes_of, values_of
from millrace.compiled.graph import Graph
from millrace.estimators.blended import SMALLEST


def _weighed(graph: Graph, parts: list[str], weights: Any) -> str:
    rows = [np.reshape(weight, (1, -1)) for weight in weights]
    return graph.node(
        "Sum", *[graph.node("Mul", part, graph.constant(row)) for part, row in zip(parts, rows, strict=True)]
    )


def _values(graph: Graph, blend: Any, models: list[Any], matrices: list[str]) -> dict[str, str]:
    parts = [values_of(graph, model, x) for model, x in zip(models, matrices, strict=True)]
    return {"values": _weighed(graph, parts, np.asarray(blend.weights))}


def _classes(graph: Graph, blend: Any, models: list[Any], matrices: list[str]) -> dict[str, str]:
    parts = [classes_of(graph, model, x).shares for model, x in zip(models, matrices, strict=True)]
    shares = _weighed(graph, parts, blend.weights)
    if blend.scale is not None:
        shares = _mended(graph, shares, blend)
    if blend.priorities is None:
        return {"positions": graph.node("ArgMax", shares, axis=1, keepdims=0), "shares": shares}
    weighted = graph.node("Mul", shares, graph.constant(np.reshape(blend.priorities, (1, -1))))
    return {"positions": graph.node("ArgMax", weighted, axis=1, keepdims=0), "shares": shares}


def _mended(graph: Graph, shares: str, blend: Any) -> str:
    held = graph.node("Clip", shares, graph.constant(SMALLEST), graph.constant(1.0))
    scaled = graph.node("Mul", graph.node("Log", held), graph.constant(float(blend.scale)))
    return graph.node("Softmax", graph.node("Add", scaled, graph.constant(np.reshape(blend.bias, (1, -1)))), axis=1)


BLENDS: dict[str, Callable[[Graph, Any, list[Any], list[str]], dict[str, str]]] = {
    "millrace.BlendedClassifier": _classes,
    "millrace.BlendedRegressor": _values,
}
"""The blends that can be compiled, by library and class."""
