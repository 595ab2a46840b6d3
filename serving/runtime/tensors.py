"""The input tensors of the Open Inference Protocol, version 2, as columns for the codec.

One input a column, of shape [n] or [n, 1]; or a single input of shape [n, fields] in the order of the signature. Their
data are JSON, or bytes behind the JSON. Knows nothing of HTTP.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from millrace.errors import RequestError
from millrace.inputs.signature import InputField, Signature
from millrace.inputs.typed import fitted
from serving.runtime.tables.base import Table
from serving.runtime.tensor_bytes import DTYPES, Reader

DATATYPES = {
    "double": "FP64",
    "float": "FP32",
    "long": "INT64",
    "integer": "INT32",
    "boolean": "BOOL",
    "string": "BYTES",
    "datetime": "BYTES",
}
"""The protocol's names for the kinds of a signature."""
_KNOWN = {*DTYPES, "BYTES"}
_Values: TypeAlias = "list[Any] | np.ndarray[Any, Any]"
_Tensor: TypeAlias = "tuple[list[int], _Values]"
"""A tensor's shape and its values in row-major order."""


def columns_of(inputs: Any, signature: Signature, behind: bytes = b"") -> Table:
    """The inputs as columns, and the number of rows; `behind` are the bytes behind the JSON.

    Raises RequestError that names the input.
    """
    if type(inputs) is not list or not inputs or not all(type(tensor) is dict for tensor in inputs):
        raise RequestError(
            "The request has no 'inputs'.", hint='Send {"inputs": [{name, shape, datatype, data}, ...]}.'
        )
    names = [str(tensor.get("name")) for tensor in inputs]
    if len(set(names)) < len(names):
        raise RequestError(f"The input '{max(names, key=names.count)}' stands twice.")
    reader = Reader(behind)
    tensors = {name: _read(name, tensor, reader) for name, tensor in zip(names, inputs, strict=True)}
    reader.end()
    columns, rows = _by_column(tensors, signature)
    fields = {field.name: field for field in signature.fields}
    return {name: _given(fields.get(name), values) for name, values in columns.items()}, rows


def _by_column(tensors: dict[str, _Tensor], signature: Signature) -> tuple[dict[str, _Values], int]:
    fields = [field.name for field in signature.fields]
    (name, (shape, values)), *others = tensors.items()
    if not others and name not in fields and len(shape) == 2 and shape[1] == len(fields):
        return {field: values[place :: len(fields)] for place, field in enumerate(fields)}, shape[0]
    rows = shape[0]
    for name, (shape, _) in tensors.items():
        if shape not in ([rows], [rows, 1]):
            raise RequestError(
                f"The input '{name}' has the shape {shape}; [{rows}] or [{rows}, 1] is wanted.",
                hint="Send one input for each field, all of the same number of rows.",
            )
    return {name: values for name, (_, values) in tensors.items()}, rows


def _read(name: str, tensor: dict[str, Any], reader: Reader) -> _Tensor:
    datatype, shape = tensor.get("datatype"), tensor.get("shape")
    if datatype not in _KNOWN:
        raise RequestError(f"The input '{name}' has the datatype {datatype!r:.40}.", hint=f"Allowed: {sorted(_KNOWN)}.")
    if type(shape) is not list or not shape or not all(type(size) is int and size >= 0 for size in shape):
        raise RequestError(f"The input '{name}' has the shape {shape!r:.40}; a list of sizes is wanted.")
    parameters = tensor.get("parameters") or {}
    size = parameters.get("binary_data_size") if type(parameters) is dict else None
    values = _leaves(tensor.get("data")) if size is None else reader.values(name, str(datatype), size)
    if math.prod(shape) != len(values) or not len(values):
        raise RequestError(f"The input '{name}' has {len(values)} values, but the shape {shape!s:.100}.")
    return shape, values


def _leaves(data: Any) -> list[Any]:
    """The values of a list that may be nested as the shape is."""
    if type(data) is not list:
        return []
    while data and all(type(part) is list for part in data):
        data = [value for part in data for value in part]
    return list(data)


def _given(field: InputField | None, values: _Values) -> _Values:
    """Values as the codec takes them. Bytes have no null: a NaN among them is a missing number."""
    if isinstance(values, list):
        return values
    if field is None:
        return []
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    column = fitted(field, values[~missing], ~missing)
    if column is not None:
        return column
    return [None if gap else value for value, gap in zip(values.tolist(), missing.tolist(), strict=True)]
