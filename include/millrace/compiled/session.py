"""Runs a compiled model: columns to feature steps to matrices to one run of ONNX Runtime. No pandas.

The same code answers requests and stands trial in the parity gate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[Any]"
MOST_ROWS = 4_096
"""Rows of one run: a forest of several outputs holds a number for each row, tree and output at a time."""


@dataclass(frozen=True, slots=True)
class CompiledAnswer:
    """`values` of a regression (rows, targets) or clustering (rows,); positions and probabilities of classes."""

    values: Array | None = None
    positions: Array | None = None
    shares: Array | None = None


class CompiledModel:
    """One ONNX session with the feature steps before it. Any thread may ask it."""

    def __init__(self, content: bytes, features: Any, threads: int = 1) -> None:
        self._session = _open(content, threads)
        columns = json.loads(self._session.get_modelmeta().custom_metadata_map["millrace.columns"])
        self._numbers: list[str] = columns["numbers"]
        self._texts: list[str] = columns["texts"]
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._features = features

    def answer(self, columns: Mapping[str, Array]) -> CompiledAnswer:
        """The answers for columns of the kinds that the feature steps know."""
        features = self._features.transform_typed(columns)
        rows = len(next(iter(features.values())))
        if rows <= MOST_ROWS:
            return self._run(features, rows)
        starts = range(0, rows, MOST_ROWS)
        parts = [{name: values[start : start + MOST_ROWS] for name, values in features.items()} for start in starts]
        answers = [self._run(part, len(next(iter(part.values())))) for part in parts]
        return CompiledAnswer(*(_joined([getattr(a, name) for a in answers]) for name in CompiledAnswer.__slots__))

    def _run(self, features: dict[str, Array], rows: int) -> CompiledAnswer:
        feed: dict[str, Array] = {}
        if self._numbers:
            feed["numbers"] = _matrix([features[name] for name in self._numbers], rows, np.float64)
        if self._texts:
            feed["texts"] = _matrix([features[name] for name in self._texts], rows, object)
        try:
            found = self._session.run(self._outputs, feed)
        except UnicodeEncodeError:
            feed["texts"] = _encodable(feed["texts"])
            found = self._session.run(self._outputs, feed)
        if len(found) == 2:
            return CompiledAnswer(None, found[0], found[1])
        return CompiledAnswer(found[0])


def _matrix(columns: list[Array], rows: int, dtype: Any) -> Array:
    if rows == 1:
        return np.concatenate(columns).reshape(1, -1)
    matrix = np.empty((rows, len(columns)), dtype=dtype)
    for place, column in enumerate(columns):
        matrix[:, place] = column
    return matrix


def _encodable(texts: Array) -> Array:
    """Half a surrogate pair, which JSON can carry and UTF-8 cannot, written out: it is an unknown category as well."""
    shown = [[text.encode("utf-8", "backslashreplace").decode() for text in row] for row in texts.tolist()]
    return np.array(shown, dtype=object)


def _joined(parts: list[Array | None]) -> Array | None:
    return None if parts[0] is None else np.concatenate([part for part in parts if part is not None])


def _open(content: bytes, threads: int) -> Any:
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # Threads that spin while they wait take the core from whoever has work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
