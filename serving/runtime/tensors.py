"""The tensors of the Open Inference Protocol, version 2: inputs to columns of JSON values, predictions to outputs.

One input a column, of shape [n] or [n, 1]; or a single input of shape [n, fields] in the order of the signature. Knows
nothing of HTTP.
"""

from __future__ import annotations

import math
from typing import Any

from millrace.errors import RequestError
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.signature import Signature

PREDICT, PREDICT_PROBA = "predict", "predict_proba"
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
_KNOWN = {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)} | {
    "FP16", "FP32", "FP64", "BOOL", "BYTES",
}  # fmt: skip


def columns_of(inputs: Any, signature: Signature) -> tuple[dict[str, list[Any]], int]:
    """The inputs as columns, and the number of rows. Raises RequestError that names the input."""
    if type(inputs) is not list or not inputs or not all(type(tensor) is dict for tensor in inputs):
        raise RequestError(
            "The request has no 'inputs'.", hint='Send {"inputs": [{name, shape, datatype, data}, ...]}.'
        )
    names = [str(tensor.get("name")) for tensor in inputs]
    if len(set(names)) < len(names):
        raise RequestError(f"The input '{max(names, key=names.count)}' stands twice.")
    tensors = {name: _flat(name, tensor) for name, tensor in zip(names, inputs, strict=True)}
    fields = [field.name for field in signature.fields]
    if len(tensors) == 1 and names[0] not in fields:
        (shape, data), *_ = tensors.values()
        if len(shape) == 2 and shape[1] == len(fields):
            return {name: data[place :: len(fields)] for place, name in enumerate(fields)}, shape[0]
    return _one_each(tensors)


def _one_each(tensors: dict[str, tuple[list[int], list[Any]]]) -> tuple[dict[str, list[Any]], int]:
    rows = next(iter(tensors.values()))[0][0]
    for name, (shape, _) in tensors.items():
        if shape not in ([rows], [rows, 1]):
            raise RequestError(
                f"The input '{name}' has the shape {shape}; [{rows}] or [{rows}, 1] is wanted.",
                hint="Send one input for each field, all of the same number of rows.",
            )
    return {name: data for name, (_, data) in tensors.items()}, rows


def _flat(name: str, tensor: dict[str, Any]) -> tuple[list[int], list[Any]]:
    """A tensor's shape and its values in row-major order."""
    datatype, shape, data = tensor.get("datatype"), tensor.get("shape"), tensor.get("data")
    if "binary_data_size" in (tensor.get("parameters") or {}):
        raise RequestError(f"The input '{name}' is binary; only JSON data is read.", hint="Use binary_data=False.")
    if datatype not in _KNOWN:
        raise RequestError(f"The input '{name}' has the datatype {datatype!r:.40}.", hint=f"Allowed: {sorted(_KNOWN)}.")
    if type(shape) is not list or not shape or not all(type(size) is int and size >= 0 for size in shape):
        raise RequestError(f"The input '{name}' has the shape {shape!r:.40}; a list of sizes is wanted.")
    values = _leaves(data)
    if math.prod(shape) != len(values) or not values:
        raise RequestError(f"The input '{name}' has {len(values)} values, but the shape {shape}.")
    return shape, values


def _leaves(data: Any) -> list[Any]:
    """The values of a list that may be nested as the shape is."""
    if type(data) is not list:
        return []
    while data and all(type(part) is list for part in data):
        data = [value for part in data for value in part]
    return list(data)


def outputs_of(model: LoadedModel, found: Predictions) -> list[dict[str, Any]]:
    """The predictions as tensors: `predict`, or one for each target; and `predict_proba` where it was asked for."""
    values = found.values
    if values and isinstance(values[0], dict):
        outputs = [_tensor(name, [value[name] for value in values]) for name in values[0]]
    else:
        outputs = [_tensor(PREDICT, values)]
    if found.probabilities is not None:
        classes = list(found.probabilities[0])
        data = [share for row in found.probabilities for share in row.values()]
        shape = [len(values), len(classes)]
        parameters = {"classes": classes}
        outputs.append({**_tensor(PREDICT_PROBA, data), "shape": shape, "parameters": parameters})
    return outputs


def _tensor(name: str, data: list[Any]) -> dict[str, Any]:
    kinds = {bool: "BOOL", int: "INT64", float: "FP64"}
    found = {kinds.get(type(value), "BYTES") for value in data}
    return {"name": name, "datatype": found.pop() if len(found) == 1 else "BYTES", "shape": [len(data)], "data": data}


def metadata(model: LoadedModel) -> dict[str, Any]:
    """What the protocol tells of a model; its outputs are those of its example."""
    example = model.predict([model.signature.example], probabilities=True)
    outputs = [{**tensor, "shape": [-1, *tensor["shape"][1:]]} for tensor in outputs_of(model, example)]
    for tensor in outputs:
        del tensor["data"]
    return {
        "name": model.name,
        "versions": [model.version.version],
        "platform": "millrace",
        "inputs": [
            {"name": f.name, "datatype": DATATYPES[f.type], "shape": [-1], "parameters": {"required": f.required}}
            for f in model.signature.fields
        ],
        "outputs": outputs,
    }
