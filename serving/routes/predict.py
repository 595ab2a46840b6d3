"""Predictions: one row as JSON, or a list of rows as JSON, CSV, Arrow or Parquet, answered in any of these.

The ordinary way: `serving.quick` takes the requests that are asked most often before they come here, and gives the same
answer as `answer_of`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.access.permissions import Permission, require
from serving.answers import BatchAnswer, PredictionAnswer, errors, now
from serving.body import read_body
from serving.deps import Services, ServicesDep
from serving.logs import request_id
from serving.media import media_type, wanted_type
from serving.routes.tables import by_format, predict_table
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.tables import FORMATS
from serving.runtime.tables.answers import file_of, table_of
from serving.runtime.traffic import Choice

router = APIRouter(prefix="/api/v1/models", tags=["predictions"], dependencies=[Depends(require(Permission.PREDICT))])
_REFUSALS = errors(400, 404, 408, 413, 422, 500, 503)
_JSON = "application/json"
FILES: dict[str, Any] = {form.media_type: {"schema": form.schema} for form in FORMATS.values()}
_encode = msgspec.json.Encoder().encode


def _body(schema: dict[str, Any], further: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}, **(further or {})}
    return {"requestBody": {"required": True, "content": content}}


ROW: dict[str, Any] = {
    "response_model": PredictionAnswer,
    "responses": _REFUSALS,
    "openapi_extra": _body({"type": "object", "description": "One row: input field to value."}),
}
"""How a route describes itself that predicts one row."""
ROWS: dict[str, Any] = {
    "response_model": BatchAnswer,
    "responses": {200: {"content": FILES}, **_REFUSALS, **errors(406)},
    "openapi_extra": _body({"type": "array", "items": {"type": "object"}, "minItems": 1}, FILES),
}
"""The same for some rows."""


@router.post("/{name}/predict", **ROW)
async def predict(name: str, request: Request, services: ServicesDep, probabilities: bool = False) -> Response:
    """Predict one row, given as a JSON object of input fields."""
    return await predict_row(services, request, name, None, probabilities=probabilities)


@router.post("/{name}/predict/batch", **ROWS)
async def predict_batch(name: str, request: Request, services: ServicesDep, probabilities: bool = False) -> Response:
    """Predict rows in the form that Content-Type names; the answers come in the same order, in the form of Accept."""
    return await predict_rows(services, request, name, None, probabilities=probabilities)


async def predict_row(
    services: Services, request: Request, name: str, which: str | None, *, probabilities: bool
) -> Response:
    """Predict one row by the version that the caller names, or that the traffic rule chooses."""
    choice = await services.answering.choice(name, which)
    model, found = await _predicted(services, request, choice, which, many=False, probabilities=probabilities)
    return Response(answer_of(model, found, many=False), media_type=_JSON)


async def predict_rows(
    services: Services, request: Request, name: str, which: str | None, *, probabilities: bool
) -> Response:
    """Predict some rows in any form, and answer them in any."""
    wanted = wanted_type(request.headers, (_JSON, *FORMATS), _JSON)
    form = FORMATS.get(media_type(request.headers))
    choice = await services.answering.choice(name, which)
    if form is None:
        model, found = await _predicted(services, request, choice, which, many=True, probabilities=probabilities)
    else:
        decode = by_format(services, choice.model, form)
        model, found = await predict_table(
            services, choice, request, decode, probabilities=lambda: probabilities, is_shared=which is None
        )
    if wanted == _JSON:
        return Response(answer_of(model, found, many=True), media_type=_JSON)
    content = await services.pool.run(lambda: file_of(FORMATS[wanted], table_of(model, found)))
    return Response(content, media_type=wanted, headers=about(model))


async def _predicted(
    services: Services, request: Request, choice: Choice, which: str | None, *, many: bool, probabilities: bool
) -> tuple[LoadedModel, Predictions]:
    body = await read_body(request, services.limits.serving_body_bytes, services.limits.serving_body_seconds)
    return await services.answering.of_body(
        choice, body, many=many, probabilities=probabilities, is_shared=which is None
    )


def about(model: LoadedModel) -> dict[str, str]:
    """What an answer that is a file says of itself in its headers."""
    return {"X-Millrace-Model": model.name, "X-Millrace-Model-Version": model.version.version}


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
