"""Predictions as the output tensors of the Open Inference Protocol, and what it tells of a model."""

from __future__ import annotations

from typing import Any

from millrace.errors import RequestError
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.tensor_bytes import as_bytes
from serving.runtime.tensors import DATATYPES

PREDICT, PREDICT_PROBA = "predict", "predict_proba"
Tensor = dict[str, Any]


def outputs_of(model: LoadedModel, found: Predictions) -> list[Tensor]:
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


def _tensor(name: str, data: list[Any]) -> Tensor:
    kinds = {bool: "BOOL", int: "INT64", float: "FP64"}
    found = {kinds.get(type(value), "BYTES") for value in data}
    return {"name": name, "datatype": found.pop() if len(found) == 1 else "BYTES", "shape": [len(data)], "data": data}


def chosen(outputs: list[Tensor], wanted: list[str]) -> list[Tensor]:
    """The outputs that were asked for, or all. Raises RequestError."""
    present = {output["name"]: output for output in outputs}
    for name in wanted:
        if name not in present:
            raise RequestError(f"The model has no output '{name:.70}'.", hint=f"Its outputs: {', '.join(present)}.")
    return [present[name] for name in wanted] if wanted else outputs


def packed(outputs: list[Tensor], binary: frozenset[str]) -> tuple[list[Tensor], bytes]:
    """The outputs with the data of those named as bytes behind them."""
    told: list[Tensor] = []
    behind = bytearray()
    for output in outputs:
        if output["name"] not in binary:
            told.append(output)
            continue
        content = as_bytes(output["datatype"], output["data"])
        parameters = {**output.get("parameters", {}), "binary_data_size": len(content)}
        told.append({**{key: value for key, value in output.items() if key != "data"}, "parameters": parameters})
        behind += content
    return told, bytes(behind)


def metadata(model: LoadedModel) -> dict[str, Any]:
    """What the protocol tells of a model; its outputs are those of its example."""
    outputs = [{**tensor, "shape": [-1, *tensor["shape"][1:]]} for tensor in outputs_of(model, model.example_answer)]
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
