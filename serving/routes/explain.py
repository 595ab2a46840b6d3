"""Explanations: what each field of a row adds to its prediction."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.body import read_body
from serving.deps import Services, ServicesDep
from serving.explaining.job import Job
from serving.logs import request_id
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.predictors.base import Columns

router = APIRouter(prefix="/api/v1/models", tags=["predictions"], dependencies=[Depends(require(Permission.PREDICT))])


class Contribution(BaseModel):
    """What a field, or several together, add to the base value."""

    fields: list[str] = Field(description="The input fields; several where a feature is made from them together.")
    features: list[str] = Field(description="The features that the estimator sees of them.")
    contribution: float


class Explanation(BaseModel):
    """One output: the base value and all contributions add up to its value."""

    target: str | None = Field(default=None, description="Of a regression: the target.")
    class_: Any = Field(default=None, alias="class", description="Of a classification: the class that was answered.")
    scale: str = Field(description="What adds up: the value, the probability, its log-odds, or the class's score.")
    base_value: float = Field(description="The answer when nothing is known of the row.")
    value: float
    contributions: list[Contribution] = Field(description="The weightiest first.")


class ExplanationAnswer(Answer):
    """The explanation of one prediction."""

    model: str
    model_version: str
    prediction: Any
    explanations: list[Explanation] = Field(description="One; of a regression with several targets one for each.")


EXPLANATION: dict[str, Any] = {
    "response_model": ExplanationAnswer,
    "response_model_exclude_none": True,
    "responses": errors(400, 404, 408, 413, 415, 422, 500, 501, 503),
    "openapi_extra": {
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    },
}
"""How a route describes itself that explains a row."""


@router.post("/{name}/explain", **EXPLANATION)
async def explain(name: str, request: Request, services: ServicesDep) -> Response:
    """Explain the prediction of one row by SHAP values, given as for `/predict`. It is not recorded."""
    return await explain_row(services, request, name, None)


async def explain_row(services: Services, request: Request, name: str, which: str | None) -> Response:
    """Explain a row by the version that the caller names, or that the traffic rule chooses."""
    model = (await services.answering.choice(name, which)).model
    body = await read_body(request, services.limits.serving_body_bytes, services.limits.serving_body_seconds)
    ignore = services.limits.serving_unknown_fields == "ignore"
    columns = model.codec.decode_body(body, many=False, ignore_unknown=ignore)
    explanations = await _explanations(services, model, columns)
    found = await services.pool.run(lambda: model.predict_columns(columns))
    return JSONResponse(
        {
            "success": True,
            "model": model.name,
            "model_version": model.version.version,
            "prediction": found.values[0],
            "explanations": explanations,
            "timestamp": now(),
            "request_id": request_id.get(),
        }
    )


async def _explanations(services: Services, model: LoadedModel, columns: Columns) -> list[dict[str, Any]]:
    """The explanations; the files of a version that is kept nowhere are there for so long."""
    about, pickles = f"{model.name} {model.version.version}", services.limits.serving_pickles == "load"
    with ExitStack() as held:
        folder = await services.pool.run(lambda: held.enter_context(services.loader.files_of(model.version)))
        job = Job(model.stamp, about, folder, tuple(model.targets), pickles)
        return await services.explaining.explain(job, columns)
