"""From scores to a class: its position among the labels, and the probability of each label."""

from __future__ import annotations

from dataclasses import dataclass

from millrace.compiled.graph import Graph


@dataclass(frozen=True)
class Classes:
    """The values that hold, for each row, the position of the class and the probabilities of all."""

    positions: str
    shares: str


def by_argmax(graph: Graph, scores: str, *, softmax: bool = False) -> Classes:
    """The class of the highest score, the first of equals; the scores are the probabilities, or become them."""
    positions = graph.node("ArgMax", scores, axis=1, keepdims=0)
    return Classes(positions, graph.node("Softmax", scores, axis=1) if softmax else scores)


def by_sign(graph: Graph, score: str) -> Classes:
    """Two classes: the second one where the score, a column, is above 0; its probability is the sigmoid."""
    return _two(graph, graph.node("Greater", score, graph.constant(0.0)), graph.node("Sigmoid", score))


def by_half(graph: Graph, second: str) -> Classes:
    """Two classes: the second one where its probability, a column, is above a half."""
    return _two(graph, graph.node("Greater", second, graph.constant(0.5)), second)


def _two(graph: Graph, is_second: str, second: str) -> Classes:
    first = graph.node("Sub", graph.constant(1.0), second)
    positions = graph.node("Reshape", graph.cast(is_second, "INT64"), graph.integers(-1))
    return Classes(positions, graph.joined([first, second]))
