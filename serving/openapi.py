"""Describes the API: the general routes, and for each loaded model its own, with its fields and an example."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.access.permissions import Permission
from serving.openapi_models import describe_model
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
        describe_model(document, model)
    for operations in document["paths"].values():
        for operation in operations.values():
            _tell_errors_as_json(operation["responses"])
    return document


def _tell_errors_as_json(responses: Document) -> None:
    """Errors are JSON, also where the route answers something else."""
    for status, response in responses.items():
        if status == "default" or status >= "400":
            schemas = [form["schema"] for form in response.get("content", {}).values()]
            response["content"] = {"application/json": {"schema": schemas[0]}} if schemas else {}
