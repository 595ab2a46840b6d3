"""Builds an ONNX graph node by node. It knows ONNX's form and nothing of scikit-learn.

Every number in a graph is a float64, as in scikit-learn; a value is known by its name. `NotCompilable` is the one way
in which a conversion says no.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

OPSETS = {"": 21, "ai.onnx.ml": 5, "com.microsoft": 1}
IR_VERSION = 10


class NotCompilable(Exception):  # noqa: N818 - a verdict, kept as the reason of a refusal
    """A part of the model has no compiled form; the text is a plain sentence without its final stop."""


class Graph:
    """Nodes in order and their constants."""

    def __init__(self, parent: Graph | None = None) -> None:
        self._numbers: count[int] = parent._numbers if parent else count()
        self._constants: list[onnx.TensorProto] = parent._constants if parent else []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = parent._known if parent else {}
        self._nodes: list[onnx.NodeProto] = []

    def constant(self, value: npt.ArrayLike, dtype: Any = np.float64) -> str:
        """A constant; the same one is kept once."""
        from onnx import numpy_helper

        array = np.ascontiguousarray(np.asarray(value, dtype=dtype)).reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = f"c{next(self._numbers)}"
            self._constants.append(numpy_helper.from_array(array, name))
            self._known[key] = name
        return self._known[key]

    def integers(self, *values: int) -> str:
        """A constant vector of int64: axes and shapes."""
        return self.constant(list(values), np.int64)

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output, and name it."""
        return self.nodes(operator, *inputs, outputs=1, domain=domain, **attributes)[0]

    def nodes(self, operator: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        from onnx import helper

        names = [f"v{next(self._numbers)}" for _ in range(outputs)]
        made = helper.make_node(operator, list(inputs), names, domain=domain)
        made.attribute.extend(_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(made)
        return names

    def choose(self, condition: str, when_true: tuple[Graph, str], when_false: tuple[Graph, str]) -> str:
        """The value of one of two branches, of which only one is computed."""
        return self.node("If", condition, then_branch=_branch(*when_true), else_branch=_branch(*when_false))

    def branch(self) -> Graph:
        """A graph for one side of `choose`; it sees every value of this one."""
        return Graph(self)

    def affine(self, x: str, weights: npt.ArrayLike, offset: npt.ArrayLike) -> str:
        """The product x @ weights + offset, for weights of shape (inputs, outputs)."""
        return self.node("Gemm", x, self.constant(weights), self.constant(np.atleast_1d(np.asarray(offset))))

    def columns(self, x: str, places: Sequence[int], width: int) -> str:
        """Some columns of a matrix; the matrix itself where they are all, in order."""
        if list(places) == list(range(width)):
            return x
        return self.node("Gather", x, self.integers(*places), axis=1)

    def joined(self, parts: Sequence[str]) -> str:
        """Matrices side by side."""
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=1)

    def repeated(self, row: npt.ArrayLike, like: str) -> str:
        """One row as often as the matrix `like` has rows."""
        width = np.asarray(row).size
        count = self.node("Shape", like, start=0, end=1)
        shape = self.node("Concat", count, self.integers(width), axis=0)
        return self.node("Expand", self.constant(np.asarray(row).reshape(1, width)), shape)

    def cast(self, x: str, kind: str) -> str:
        """The values as FLOAT, DOUBLE, INT64 …"""
        from onnx import TensorProto

        return self.node("Cast", x, to=int(getattr(TensorProto, kind)))

    def as_bytes(self, inputs: dict[str, Any], outputs: dict[str, str], metadata: dict[str, str]) -> bytes:
        """The finished model. `inputs`: name to (kind, width); `outputs`: name to the value that it shows."""
        from onnx import TensorProto, helper

        shown = [helper.make_node("Identity", [value], [name]) for name, value in outputs.items()]
        taken = [
            helper.make_tensor_value_info(name, getattr(TensorProto, kind), ["rows", width])
            for name, (kind, width) in inputs.items()
        ]
        given = [helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = helper.make_graph([*self._nodes, *shown], "model", taken, given, self._constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="millrace")
        helper.set_model_props(model, metadata)
        content: bytes = model.SerializeToString()
        return content


def _branch(graph: Graph, value: str) -> Any:
    from onnx import helper

    shown = f"{value}_shown"
    nodes = [*graph._nodes, helper.make_node("Identity", [value], [shown])]
    return helper.make_graph(nodes, f"branch_{value}", [], [helper.make_empty_tensor_value_info(shown)])


def _attribute(name: str, value: Any) -> Any:
    """An attribute; a forest has millions of integers, which ONNX's own helper would look at one by one."""
    from onnx import AttributeProto, helper, numpy_helper

    if not isinstance(value, np.ndarray):
        return helper.make_attribute(name, value)
    made = AttributeProto(name=name)
    if value.dtype.kind in "iu" and value.dtype != np.uint8:
        made.type = AttributeProto.INTS
        made.ints.extend(value.tolist())
    else:
        made.type = AttributeProto.TENSOR
        made.t.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value)))
    return made
