"""Describes the routes of one loaded model: its fields with an example, and the type of its answer."""

from __future__ import annotations

import copy
from typing import Any

from millrace.errors import MillraceError
from serving.runtime.loaded_model import LoadedModel

Document = dict[str, Any]
_JSON = "application/json"
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_MOST_LABELS = 50


def describe_model(document: Document, model: LoadedModel) -> None:
    """Add the model's own addresses to the document."""
    row, example = model.signature.json_schema(), model.signature.example
    rows = {"type": "array", "items": row, "minItems": 1}
    answer = prediction_schema(model)
    answers = {"properties": {"predictions": {"type": "array", "items": answer}}}
    for suffix, what, schema, given, found in (
        ("predict", "Predict one row", row, example, {"properties": {"prediction": answer}}),
        ("predict/batch", "Predict a list of rows", rows, [example], answers),
        ("explain", "Explain the prediction of one row", row, example, {"properties": {"prediction": answer}}),
    ):
        general = document["paths"][f"/api/v1/models/{{name}}/{suffix}"]["post"]
        operation = copy.deepcopy(general)
        operation["tags"] = [model.name]
        operation["summary"] = f"{what} with {model.name}"
        operation["description"] = f"The champion is version {model.version.version}, a {model.task}."
        operation["operationId"] = f"{suffix.replace('/', '_')}__{model.name}"
        operation["parameters"] = [p for p in operation.get("parameters", []) if p["in"] != "path"]
        operation["requestBody"]["content"][_JSON] = {"schema": schema, "example": given}
        content = operation["responses"]["200"]["content"]
        content[_JSON] = {"schema": {"allOf": [content[_JSON]["schema"], found]}}
        document["paths"][f"/api/v1/models/{model.name}/{suffix}"] = {"post": operation}


def prediction_schema(model: LoadedModel) -> Document:
    """The JSON schema of one prediction: a number, a label, or an object by target; {} where that is not known."""
    if model.task == "classification" and model.labels is not None and len(model.labels) <= _MOST_LABELS:
        return {"enum": list(model.labels)}
    try:
        (value,) = model.example_answer.values
    except MillraceError:
        return {}
    if isinstance(value, dict):
        return {"type": "object", "properties": {name: {"type": "number"} for name in value}, "required": list(value)}
    kind = _TYPES.get(type(value))
    return {"type": kind} if kind else {}
