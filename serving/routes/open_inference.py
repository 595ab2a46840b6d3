"""The Open Inference Protocol, version 2, over REST: for clients that speak it to every model server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from millrace import __version__
from millrace.errors import NotFoundError, RequestError
from serving.access.permissions import Permission, require
from serving.answers import errors
from serving.deps import ServicesDep
from serving.routes.tables import by_reader, predict_table
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.strict_json import parse_json
from serving.runtime.tensors import PREDICT_PROBA, columns_of, metadata, outputs_of

router = APIRouter(prefix="/v2", tags=["open inference protocol"])
_PUBLIC, _READ, _PREDICT = ([Depends(require(p))] for p in (Permission.PUBLIC, Permission.READ, Permission.PREDICT))
_MODEL = ("/models/{name}", "/models/{name}/versions/{version}")
_INFER = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "required": ["inputs"]}}},
    }
}


def _served(services: ServicesDep, name: str, version: str | None = None) -> LoadedModel:
    model = services.manager.get(name)
    if version is not None and version != model.version.version:
        raise NotFoundError(
            f"Version {version} of {name} does not serve.", hint=f"Version {model.version.version} does."
        )
    return model


ServedDep = Annotated[LoadedModel, Depends(_served)]


@router.get("", dependencies=_PUBLIC)
def server() -> dict[str, Any]:
    """Name the server."""
    return {"name": "millrace", "version": __version__, "extensions": []}


@router.get("/health/live", dependencies=_PUBLIC)
def live() -> dict[str, bool]:
    """Say that the process lives."""
    return {"live": True}


@router.get("/health/ready", dependencies=_PUBLIC, responses=errors(503))
def ready(services: ServicesDep) -> JSONResponse:
    """Say whether the first look at the registry is over and a model serves."""
    is_ready = services.watcher.started and bool(services.manager.models)
    return JSONResponse({"ready": is_ready}, status_code=200 if is_ready else 503)


async def model_ready(model: ServedDep) -> dict[str, Any]:
    """Say that the model serves."""
    return {"name": model.name, "ready": True}


def model_metadata(model: ServedDep) -> dict[str, Any]:
    """Name the model's inputs and outputs with their datatypes."""
    return metadata(model)


async def infer(model: ServedDep, request: Request, services: ServicesDep) -> Response:
    """Predict the rows of the tensors: one input for each field, of shape [n] or [n, 1]."""
    if "inference-header-content-length" in request.headers:
        raise RequestError("The tensors are sent as binary; only JSON data is read.", hint="Use binary_data=False.")
    asked: dict[str, Any] = {}

    def read(body: bytes) -> tuple[dict[str, Any], int]:
        document = parse_json(body)
        if type(document) is not dict:
            raise RequestError("The request is no JSON object.", hint='Send {"inputs": [...]}.')
        asked.update(id=document.get("id"), outputs=_wanted(document))
        return columns_of(document.get("inputs"), model.signature)

    found = await predict_table(
        services,
        model,
        request,
        by_reader(services, model, read),
        probabilities=lambda: PREDICT_PROBA in asked["outputs"],
    )
    outputs = _chosen(outputs_of(model, found), asked["outputs"])
    answer = {"model_name": model.name, "model_version": model.version.version, "outputs": outputs}
    return JSONResponse(answer if asked["id"] is None else {**answer, "id": asked["id"]})


def _wanted(document: dict[str, Any]) -> list[str]:
    outputs = document.get("outputs") or []
    if type(outputs) is not list or not all(type(output) is dict and "name" in output for output in outputs):
        raise RequestError("'outputs' is no list of objects with a name.", hint="Leave it out to get the predictions.")
    return [str(output["name"]) for output in outputs]


def _chosen(outputs: list[dict[str, Any]], wanted: list[str]) -> list[dict[str, Any]]:
    present = {output["name"]: output for output in outputs}
    for name in wanted:
        if name not in present:
            raise RequestError(f"The model has no output '{name}'.", hint=f"Its outputs: {', '.join(present)}.")
    return [present[name] for name in wanted] if wanted else outputs


_REFUSALS = errors(400, 404, 413, 422, 500, 503)
for _path in _MODEL:
    _suffix = "_of_version" if "version" in _path else ""
    _get: dict[str, Any] = {"dependencies": _READ, "responses": errors(404, 503)}
    router.get(_path, **_get, name=f"model_metadata{_suffix}")(model_metadata)
    router.get(f"{_path}/ready", **_get, name=f"model_ready{_suffix}")(model_ready)
    router.post(
        f"{_path}/infer", dependencies=_PREDICT, responses=_REFUSALS, openapi_extra=_INFER, name=f"infer{_suffix}"
    )(infer)
