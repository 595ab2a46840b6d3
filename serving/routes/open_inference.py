"""The Open Inference Protocol, version 2, over REST: for clients that speak it to every model server."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from millrace import __version__
from serving.access.permissions import Permission, require
from serving.answers import errors
from serving.deps import ServicesDep
from serving.routes.tables import by_reader, predict_table
from serving.runtime.inference import InferRequest, read_request
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.tables.base import Table
from serving.runtime.tensor_outputs import PREDICT_PROBA, Tensor, chosen, metadata, outputs_of, packed

router = APIRouter(prefix="/v2", tags=["open inference protocol"])
_PUBLIC, _READ, _PREDICT = ([Depends(require(p))] for p in (Permission.PUBLIC, Permission.READ, Permission.PREDICT))
_MODEL = ("/models/{name}", "/models/{name}/versions/{version}")
LENGTH = "Inference-Header-Content-Length"
_BYTES = "application/octet-stream"
_SCHEMA: dict[str, Any] = {"type": "object", "required": ["inputs"]}
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary", "description": f"JSON of {LENGTH} bytes."}}
_INFER = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}, _BYTES: _BINARY}},
    "parameters": [{"name": LENGTH, "in": "header", "required": False, "schema": {"type": "string"}}],
}
_encode = msgspec.json.Encoder().encode


async def _served(services: ServicesDep, name: str, version: str | None = None) -> LoadedModel:
    return services.manager.get(name) if version is None else (await services.answering.named(name, version)).model


ServedDep = Annotated[LoadedModel, Depends(_served)]


@router.get("", dependencies=_PUBLIC)
def server() -> dict[str, Any]:
    """Name the server."""
    return {"name": "millrace", "version": __version__, "extensions": ["binary_tensor_data"]}


@router.get("/health/live", dependencies=_PUBLIC)
def live() -> dict[str, bool]:
    """Say that the process lives."""
    return {"live": True}


@router.get("/health/ready", dependencies=_PUBLIC, responses=errors(503))
async def ready(services: ServicesDep) -> JSONResponse:
    """Say whether the first look at the registry is over and a model serves."""
    is_ready = services.watcher.started and not all(map(services.admission.is_stuck, services.manager.models))
    return JSONResponse({"ready": is_ready}, status_code=200 if is_ready else 503)


async def model_ready(model: ServedDep) -> dict[str, Any]:
    """Say that the model serves."""
    return {"name": model.name, "ready": True}


def model_metadata(model: ServedDep) -> dict[str, Any]:
    """Name the model's inputs and outputs with their datatypes."""
    return metadata(model)


async def infer(name: str, request: Request, services: ServicesDep, version: str | None = None) -> Response:
    """Predict the rows of the tensors: one input for each field, of shape [n] or [n, 1], as JSON or as bytes."""
    choice = await services.answering.choice(name, version)
    asked: list[InferRequest] = []

    def read(body: bytes) -> Table:
        asked.append(read_request(body, request.headers.get(LENGTH), choice.model.signature))
        return asked[0].table

    decode = by_reader(services, choice.model, read)
    model, found = await predict_table(
        services,
        choice,
        request,
        decode,
        probabilities=lambda: PREDICT_PROBA in asked[0].outputs,
        is_shared=version is None,
    )
    return _answer(model, chosen(outputs_of(model, found), asked[0].outputs), asked[0])


def _answer(model: LoadedModel, outputs: list[Tensor], asked: InferRequest) -> Response:
    binary = frozenset(output["name"] for output in outputs) if asked.binary is None else asked.binary
    told, behind = packed(outputs, binary)
    answer = {"model_name": model.name, "model_version": model.version.version, "outputs": told}
    content = _encode(answer if asked.id is None else {**answer, "id": asked.id})
    if not binary:
        return Response(content, media_type="application/json")
    return Response(content + behind, media_type=_BYTES, headers={LENGTH: str(len(content))})


_REFUSALS = errors(400, 404, 413, 422, 500, 503)
for _path in _MODEL:
    _suffix = "_of_version" if "version" in _path else ""
    _get: dict[str, Any] = {"dependencies": _READ, "responses": errors(404, 503)}
    router.get(_path, **_get, name=f"model_metadata{_suffix}")(model_metadata)
    router.get(f"{_path}/ready", **_get, name=f"model_ready{_suffix}")(model_ready)
    router.post(
        f"{_path}/infer", dependencies=_PREDICT, responses=_REFUSALS, openapi_extra=_INFER, name=f"infer{_suffix}"
    )(infer)
