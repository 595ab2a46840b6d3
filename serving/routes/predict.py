"""Predictions: one row as JSON, or a list of rows as JSON or CSV.

The ordinary way: `serving.quick` takes the requests that are asked most often before they come here, and gives the same
answer as `answer_of`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.access.permissions import Permission, require
from serving.answers import BatchAnswer, PredictionAnswer, errors, now
from serving.body import read_body
from serving.deps import Services, ServicesDep
from serving.logs import request_id
from serving.routes.tables import predict_table
from serving.runtime.frames import csv_of
from serving.runtime.loaded_model import LoadedModel, Predictions

router = APIRouter(prefix="/api/v1/models", tags=["predictions"], dependencies=[Depends(require(Permission.PREDICT))])
_REFUSALS = errors(400, 404, 413, 422, 500, 503)
_encode = msgspec.json.Encoder().encode


_CSV = {"text/csv": {"schema": {"type": "string", "description": "A header of field names, and a line for each row."}}}


def _body(schema: dict[str, Any], further: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}, **(further or {})}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/{name}/predict",
    response_model=PredictionAnswer,
    responses=_REFUSALS,
    openapi_extra=_body({"type": "object", "description": "One row: input field to value."}),
)
async def predict(name: str, request: Request, services: ServicesDep, probabilities: bool = False) -> Response:
    """Predict one row, given as a JSON object of input fields."""
    return await _predict(name, request, services, many=False, probabilities=probabilities)


@router.post(
    "/{name}/predict/batch",
    response_model=BatchAnswer,
    responses=_REFUSALS,
    openapi_extra=_body({"type": "array", "items": {"type": "object"}, "minItems": 1}, _CSV),
)
async def predict_batch(name: str, request: Request, services: ServicesDep, probabilities: bool = False) -> Response:
    """Predict a list of rows, a JSON array or CSV with a header; the answers come in the same order."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
        return await _predict(name, request, services, many=True, probabilities=probabilities)
    model = services.manager.get(name)
    read = partial(csv_of, signature=model.signature)
    found = await predict_table(services, model, request, read, probabilities=lambda: probabilities)
    return Response(answer_of(model, found, many=True), media_type="application/json")


async def _predict(name: str, request: Request, services: Services, *, many: bool, probabilities: bool) -> Response:
    services.manager.get(name)  # whoever asks for a model that is not there need not send the body
    body = await read_body(request, services.limits.serving_body_bytes, services.limits.serving_body_seconds)
    model, found = await services.answering.of_body(name, body, many=many, probabilities=probabilities)
    return Response(answer_of(model, found, many=many), media_type="application/json")


def answer_of(model: LoadedModel, found: Predictions, *, many: bool) -> bytes:
    """The answer for one row, or for a list of them, as JSON."""
    answer: dict[str, Any] = {"success": True}
    if many:
        answer["predictions"] = found.values
        if found.confidences is not None:
            answer["confidences"] = found.confidences
        if found.probabilities is not None:
            answer["probabilities"] = found.probabilities
    else:
        answer["prediction"] = found.values[0]
        if found.confidences is not None:
            answer["confidence"] = found.confidences[0]
        if found.probabilities is not None:
            answer["probabilities"] = found.probabilities[0]
    answer["model"] = model.version.name
    answer["model_version"] = model.version.version
    answer["timestamp"] = now()
    answer["request_id"] = request_id.get()
    return _encode(answer)
