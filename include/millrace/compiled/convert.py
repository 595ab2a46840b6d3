"""Converts a fitted Pipeline: all after its feature steps becomes one ONNX graph.

The graph takes one matrix of numbers and one of texts; which feature stands in which column is written in the model's
own metadata. Nothing here says whether the graph is right: that is for the parity gate.
"""

from __future__ import annotations

import json
from typing import Any

from millrace.compiled.blends import BLENDS
from millrace.compiled.encoding import encoded_categories, encoded_numbers
from millrace.compiled.estimators import CLASSIFIERS, CLUSTERINGS, REGRESSORS, classes_of, values_of
from millrace.compiled.graph import Graph, NotCompilable
from millrace.compiled.names import name_of

MOST_BYTES = 1_000_000_000
"""ONNX files end at two gigabytes; a model of half that size is no model to keep in memory twice."""


class _Inputs:
    """The features that the encoder reads, as columns of two matrices."""

    def __init__(self, graph: Graph, features: Any, parts: list[tuple[Any, list[str]]]) -> None:
        self.graph = graph
        used = list(dict.fromkeys(name for _, names in parts for name in names))
        derived = {output for step in features._entries() for output in step.outputs}
        kinds = {name: "number" if name in derived else features.inputs_.get(name) for name in used}
        for name, kind in kinds.items():
            if kind not in {"number", "boolean", "text"}:
                raise NotCompilable(f"The feature '{name}' reaches the estimator as a {kind}")
        self.numbers = [name for name in used if kinds[name] != "text"]
        self.texts = [name for name in used if kinds[name] == "text"]

    def matrix(self, names: list[str]) -> str:
        """Number columns as one matrix."""
        return self.graph.columns("numbers", [self.numbers.index(name) for name in names], len(self.numbers))

    def columns(self, names: list[str]) -> list[str]:
        """Text columns, each a vector."""
        places = [self.graph.constant(self.texts.index(name), "int64") for name in names]
        return [self.graph.node("Gather", "texts", place, axis=1) for place in places]

    def described(self) -> dict[str, Any]:
        """The matrices that the graph takes: name to kind and width."""
        matrices = {"numbers": ("DOUBLE", len(self.numbers)), "texts": ("STRING", len(self.texts))}
        return {name: form for name, form in matrices.items() if form[1]}


def convert(pipeline: Any) -> bytes:
    """The Pipeline without its feature steps as an ONNX file. Raises NotCompilable."""
    features, rest = pipeline[0], list(pipeline[1:])
    if name_of(features) != "millrace.RowFeatures":
        raise NotCompilable("Only a Pipeline of feature steps, encoder and estimator, or of a blend, is converted")
    graph, members = Graph(), _members(rest)
    inputs = _Inputs(graph, features, [part for encoder, _ in members for part in _parts(encoder)])
    matrices = [_matrix(graph, inputs, encoder) for encoder, _ in members]
    outputs = _outputs(graph, rest[-1], [model for _, model in members], matrices)
    columns = json.dumps({"numbers": inputs.numbers, "texts": inputs.texts})
    content = graph.as_bytes(inputs.described(), outputs, {"millrace.columns": columns})
    if len(content) > MOST_BYTES:
        raise NotCompilable(f"The compiled form has {len(content):,} bytes; at most {MOST_BYTES:,} are kept")
    return content


_ENCODER = "sklearn.ColumnTransformer"


def _members(parts: list[Any]) -> list[tuple[Any, Any]]:
    """The encoders with their estimators: one pair, or one for each member of a blend."""
    if [name_of(part) for part in parts[:-1]] == [_ENCODER]:
        return [(parts[0], parts[1])]
    if len(parts) == 1 and name_of(parts[0]) in BLENDS:
        return [pair for member in parts[0].estimators_ for pair in _members(list(member))]
    raise NotCompilable("Only a Pipeline of feature steps, encoder and estimator, or of a blend, is converted")


def _parts(encoder: Any) -> list[tuple[Any, list[str]]]:
    if encoder.transformer_weights:
        raise NotCompilable("A ColumnTransformer with weights has no compiled form")
    parts = []
    for _, part, names in encoder.transformers_:
        if isinstance(part, str) and part == "drop":
            continue
        if isinstance(part, str) or not all(isinstance(name, str) for name in names):
            raise NotCompilable("A ColumnTransformer that does not name its columns has no compiled form")
        if len(names):
            parts.append((part, list(names)))
    return parts


def _matrix(graph: Graph, inputs: _Inputs, encoder: Any) -> str:
    return graph.joined([_encoded(graph, inputs, part, names) for part, names in _parts(encoder)])


def _encoded(graph: Graph, inputs: _Inputs, part: Any, names: list[str]) -> str:
    texts = [name for name in names if name in inputs.texts]
    if not texts:
        return encoded_numbers(graph, part, inputs.matrix(names), len(names))[0]
    if len(texts) < len(names):
        raise NotCompilable(f"The part {type(part).__name__} mixes numbers and texts")
    return encoded_categories(graph, part, inputs.columns(names))


def _outputs(graph: Graph, estimator: Any, models: list[Any], matrices: list[str]) -> dict[str, str]:
    name, x = name_of(estimator), matrices[0]
    if name in BLENDS:
        return BLENDS[name](graph, estimator, models, matrices)
    if name in CLUSTERINGS:
        return {"labels": CLUSTERINGS[name](graph, estimator, x)}
    if name in CLASSIFIERS:
        classes = classes_of(graph, estimator, x)
        return {"positions": classes.positions, "shares": classes.shares}
    if name in REGRESSORS:
        return {"values": values_of(graph, estimator, x)}
    raise NotCompilable(f"{type(estimator).__name__} has no compiled form")
