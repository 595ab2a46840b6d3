"""MLflow's scoring protocol: `/invocations`, `/ping` and `/version`, for clients of `mlflow models serve`."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from millrace.errors import RequestError
from serving.access.permissions import Permission, allowed_models, require
from serving.answers import errors
from serving.deps import Services, ServicesDep
from serving.failures import NotLoadedError, UnsupportedMediaError
from serving.media import media_type
from serving.routes.tables import Decode, by_format, by_reader, predict_table
from serving.runtime.frames import FORMATS, frame_of
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.strict_json import parse_json
from serving.runtime.tables.comma_separated import CSV

router = APIRouter(tags=["mlflow protocol"])
_PUBLIC, _PREDICT = ([Depends(require(p))] for p in (Permission.PUBLIC, Permission.PREDICT))
_CHOOSES = [Depends(require(Permission.PREDICT, model_later=True))]
_REFUSALS = errors(400, 404, 408, 413, 415, 422, 500, 503)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object", "properties": {key: {} for key in FORMATS}}},
            CSV.media_type: {"schema": CSV.schema},
        },
    }
}


@router.post("/invocations", dependencies=_CHOOSES, responses=_REFUSALS, openapi_extra=_BODY)
async def invocations(request: Request, services: ServicesDep) -> Response:
    """Predict with the only model that serves, or that the key is for; else each has its own address below."""
    return await _answer(_only_model(request, services).name, request, services)


@router.post("/api/v1/models/{name}/invocations", dependencies=_PREDICT, responses=_REFUSALS, openapi_extra=_BODY)
async def model_invocations(name: str, request: Request, services: ServicesDep) -> Response:
    """Predict a table in one of MLflow's formats, or as CSV with a header."""
    return await _answer(name, request, services)


@router.get("/ping", dependencies=_PUBLIC, response_class=PlainTextResponse, responses=errors(503))
def ping(services: ServicesDep) -> Response:
    """Say whether any model serves."""
    if not services.manager.models:
        raise NotLoadedError("No model serves yet.", hint="Try again shortly.")
    return PlainTextResponse("\n")


@router.get(
    "/api/v1/models/{name}/ping", dependencies=_PUBLIC, response_class=PlainTextResponse, responses=errors(404, 503)
)
def model_ping(name: str, services: ServicesDep) -> Response:
    """Say whether the model serves."""
    services.manager.get(name)
    return PlainTextResponse("\n")


@router.get("/version", dependencies=_PUBLIC, response_class=PlainTextResponse)
def version() -> Response:
    """Name the version of MLflow whose formats are read."""
    return PlainTextResponse(importlib.metadata.version("mlflow"))


async def _answer(name: str, request: Request, services: Services) -> Response:
    kind = media_type(request.headers) or "application/json"
    if kind not in _DECODERS:
        raise UnsupportedMediaError(
            f"The content type {kind!r:.60} cannot be read.", hint=f"Allowed: {', '.join(_DECODERS)}."
        )
    choice = services.answering.choose(name)
    _, found = await predict_table(services, choice, request, _DECODERS[kind](services, choice.model))
    return JSONResponse({"predictions": found.values})


def _json(services: Services, model: LoadedModel) -> Decode:
    return by_reader(services, model, lambda body: frame_of(parse_json(body), model.signature))


def _csv(services: Services, model: LoadedModel) -> Decode:
    return by_format(services, model, CSV)


_DECODERS: dict[str, Callable[[Services, LoadedModel], Decode]] = {"application/json": _json, CSV.media_type: _csv}


def _only_model(request: Request, services: Services) -> LoadedModel:
    models = services.manager.models
    if not models:
        raise NotLoadedError("No model serves yet.", hint="Try again shortly.")
    allowed = allowed_models(request.scope, models)
    if len(allowed) > 1:
        raise RequestError(
            f"{len(allowed)} models serve, so this address does not say which one is meant.",
            hint=f"Use /api/v1/models/NAME/invocations with one of: {', '.join(allowed)}.",
        )
    return models[allowed[0]]
