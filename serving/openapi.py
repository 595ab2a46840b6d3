"""Describes the API: the general routes, and for each loaded model its own, with its fields and an example."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.access.permissions import Permission
from serving.openapi_security import describe_security
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.manager import ModelManager

DESCRIPTION = (
    "Predictions of the champions, and what the platform knows of its pipelines, runs and models. "
    "Each model that serves has its own predict address below, with its fields and an example."
)
Document = dict[str, Any]


def install_openapi(app: FastAPI, manager: ModelManager, anonymous: Collection[Permission]) -> None:
    """Give the app an OpenAPI document that follows the loaded models."""
    made: dict[tuple[str, ...], Document] = {}

    def openapi() -> Document:
        models = manager.models
        key = tuple(sorted(f"{name}/{model.version.version}" for name, model in models.items()))
        if key not in made:
            made.clear()
            made[key] = _document(app, [models[name] for name in sorted(models)], anonymous)
        return made[key]

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI, models: list[LoadedModel], anonymous: Collection[Permission]) -> Document:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    describe_security(document, app.routes, anonymous)
    for model in models:
        for suffix, schema, example in _bodies(model):
            general = document["paths"][f"/api/v1/models/{{name}}/{suffix}"]["post"]
            document["paths"][f"/api/v1/models/{model.name}/{suffix}"] = {
                "post": _own_operation(model, suffix, general, schema, example)
            }
    return document


def _bodies(model: LoadedModel) -> list[tuple[str, Document, Any]]:
    row, example = model.signature.json_schema(), model.signature.example
    return [
        ("predict", row, example),
        ("predict/batch", {"type": "array", "items": row, "minItems": 1}, [example]),
    ]


def _own_operation(model: LoadedModel, suffix: str, general: Document, schema: Document, example: Any) -> Document:
    operation = copy.deepcopy(general)
    what = "one row" if suffix == "predict" else "a list of rows"
    operation["tags"] = [model.name]
    operation["summary"] = f"Predict {what} with {model.name}"
    operation["description"] = f"The champion is version {model.version.version}, a {model.task}."
    operation["operationId"] = f"{suffix.replace('/', '_')}__{model.name}"
    operation["parameters"] = [p for p in operation.get("parameters", []) if p["in"] != "path"]
    content = {**general["requestBody"]["content"], "application/json": {"schema": schema, "example": example}}
    operation["requestBody"] = {"required": True, "content": content}
    return operation
