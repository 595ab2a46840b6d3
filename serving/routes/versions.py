"""Predictions by a version that the caller names: a number, or an alias such as `challenger`.

The traffic rule has no part in them, and neither has the shadow.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.access.permissions import Permission, require
from serving.answers import BatchAnswer, PredictionAnswer, errors
from serving.body import read_body
from serving.deps import Services, ServicesDep
from serving.routes.models import SchemaAnswer, schema_of
from serving.routes.predict import answer_of

router = APIRouter(prefix="/api/v1/models/{name}/versions/{version}", tags=["predictions"])
_PREDICT, _READ = ([Depends(require(p))] for p in (Permission.PREDICT, Permission.READ))
_REFUSALS = errors(400, 404, 413, 422, 500, 503)
_ROW = {"type": "object", "description": "One row: input field to value."}
_ROWS = {"type": "array", "items": {"type": "object"}, "minItems": 1}


@router.post(
    "/predict",
    response_model=PredictionAnswer,
    dependencies=_PREDICT,
    responses=_REFUSALS,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _ROW}}}},
)
async def predict_by_version(
    name: str, version: str, request: Request, services: ServicesDep, probabilities: bool = False
) -> Response:
    """Predict one row with this version, given as a JSON object of input fields."""
    return await _predict(name, version, request, services, many=False, probabilities=probabilities)


@router.post(
    "/predict/batch",
    response_model=BatchAnswer,
    dependencies=_PREDICT,
    responses=_REFUSALS,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _ROWS}}}},
)
async def predict_batch_by_version(
    name: str, version: str, request: Request, services: ServicesDep, probabilities: bool = False
) -> Response:
    """Predict a JSON array of rows with this version; the answers come in the same order."""
    return await _predict(name, version, request, services, many=True, probabilities=probabilities)


@router.get("/schema", dependencies=_READ, responses=errors(404, 503))
async def schema_by_version(name: str, version: str, services: ServicesDep) -> SchemaAnswer:
    """Show what this version takes."""
    return schema_of((await services.answering.named(name, version)).model)


async def _predict(
    name: str, version: str, request: Request, services: Services, *, many: bool, probabilities: bool
) -> Response:
    await services.answering.named(name, version)  # whoever asks for what is not there need not send the body
    body = await read_body(request, services.limits.serving_body_bytes, services.limits.serving_body_seconds)
    model, found = await services.answering.of_body(name, body, many=many, probabilities=probabilities, which=version)
    return Response(answer_of(model, found, many=many), media_type="application/json")
