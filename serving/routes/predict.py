"""Predictions: one row, or a list of rows."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from serving.answers import BatchAnswer, PredictionAnswer, errors, now
from serving.body import parse_json, read_body
from serving.deps import Services, ServicesDep
from serving.failures import MalformedBodyError, TooLargeError
from serving.logs import request_id
from serving.runtime.loaded_model import LoadedModel, Predictions

router = APIRouter(prefix="/api/v1/models", tags=["predictions"])
_REFUSALS = errors(400, 404, 413, 422, 500, 503)


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "/{name}/predict",
    response_model=PredictionAnswer,
    responses=_REFUSALS,
    openapi_extra=_body({"type": "object", "description": "One row: input field to value."}),
)
async def predict(name: str, request: Request, services: ServicesDep, probabilities: bool = False) -> JSONResponse:
    """Predict one row, given as a JSON object of input fields."""
    model, body = services.manager.get(name), await _read(request, services)

    def work() -> Predictions:
        return model.predict([parse_json(body)], probabilities=probabilities)

    found = await services.pool.run(work)
    answer = {"prediction": found.values[0]}
    if found.confidences is not None:
        answer["confidence"] = found.confidences[0]
    if found.probabilities is not None:
        answer["probabilities"] = found.probabilities[0]
    return _answer(model, answer)


@router.post(
    "/{name}/predict/batch",
    response_model=BatchAnswer,
    responses=_REFUSALS,
    openapi_extra=_body({"type": "array", "items": {"type": "object"}, "minItems": 1}),
)
async def predict_batch(
    name: str, request: Request, services: ServicesDep, probabilities: bool = False
) -> JSONResponse:
    """Predict a list of rows, given as a JSON array of such objects; the answers come in the same order."""
    model, body = services.manager.get(name), await _read(request, services)

    def work() -> Predictions:
        return model.predict(_rows(parse_json(body), services.limits.serving_batch_rows), probabilities=probabilities)

    found = await services.pool.run(work)
    answer: dict[str, Any] = {"predictions": found.values}
    if found.confidences is not None:
        answer["confidences"] = found.confidences
    if found.probabilities is not None:
        answer["probabilities"] = found.probabilities
    return _answer(model, answer)


async def _read(request: Request, services: Services) -> bytes:
    limits = services.limits
    return await read_body(request, limits.serving_body_bytes, limits.serving_body_seconds)


def _rows(parsed: Any, most: int) -> list[Any]:
    if type(parsed) is not list:
        raise MalformedBodyError(
            f"The body is a JSON {_kind(parsed)}, but an array of rows is wanted.",
            hint="Send [{...}, {...}], or one row to /predict.",
        )
    if not parsed:
        raise MalformedBodyError("The array of rows is empty.", hint="Send at least one row.")
    if len(parsed) > most:
        raise TooLargeError(
            f"The batch has {len(parsed):,} rows; at most {most:,} are taken at a time.",
            hint="Send it in parts, or raise SERVING_BATCH_ROWS.",
        )
    return parsed


def _kind(value: Any) -> str:
    kinds = {dict: "object", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def _answer(model: LoadedModel, found: dict[str, Any]) -> JSONResponse:
    return JSONResponse(
        {
            "success": True,
            **found,
            "model": model.name,
            "model_version": model.version.version,
            "timestamp": now(),
            "request_id": request_id.get(),
        }
    )
