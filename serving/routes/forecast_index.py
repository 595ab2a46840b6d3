"""Which series a pipeline has forecasts of, and which forecasts of one series: what a page lets one choose from."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from serving.access.permissions import Permission, authorize, require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.logs import request_id

router = APIRouter(prefix="/api/v1/forecasts", tags=["predictions"], dependencies=[Depends(require(Permission.READ))])
Text = Annotated[str, Query(max_length=500)]


class SeriesAnswer(Answer):
    """The names of the series, in order; empty where nothing has been forecast."""

    series: list[str]


class OriginsAnswer(Answer):
    """The forecasts of one series, newest first."""

    origins: list[dict[str, Any]] = Field(description="origin, its first and last time, model_version, made_at.")


@router.get("/series", responses=errors(401, 403, 422, 503))
def series(services: ServicesDep, request: Request, pipeline: Text) -> SeriesAnswer:
    """List the series that a pipeline has forecasts of."""
    authorize(request.scope, Permission.READ, pipeline)
    return SeriesAnswer(timestamp=now(), request_id=request_id.get(), series=services.runs.forecast_series(pipeline))


@router.get("/origins", responses=errors(401, 403, 422, 503))
def origins(
    services: ServicesDep,
    request: Request,
    pipeline: Text,
    series: Text,
    limit: Annotated[int, Query(ge=1, le=200)] = 30,
) -> OriginsAnswer:
    """List the forecasts of a series by where each begins, newest first."""
    authorize(request.scope, Permission.READ, pipeline)
    found = services.runs.forecast_origins(pipeline, series, limit)
    return OriginsAnswer(timestamp=now(), request_id=request_id.get(), origins=found)
