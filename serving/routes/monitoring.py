"""What the checks of a pipeline found, newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.logs import request_id
from serving.paging import Before, next_before

router = APIRouter(
    prefix="/api/v1/pipelines/{name}/monitoring", tags=["platform"], dependencies=[Depends(require(Permission.READ))]
)


class ReportsAnswer(Answer):
    """Reports, newest first; `next_before` asks for the next page."""

    reports: list[dict[str, Any]]
    last_retraining: dict[str, Any] | None = None
    next_before: str | None = None


@router.get("", responses=errors(422, 503))
def reports(
    name: str,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    before: Before | None = None,
) -> ReportsAnswer:
    """List the reports of a pipeline's checks, and what set off its last retraining."""
    found = services.monitoring.reports(name, limit, before)
    return ReportsAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        reports=[{key: value for key, value in report.items() if key != "_id"} for report in found],
        last_retraining=services.monitoring.last_retraining(name),
        next_before=next_before(found, limit, "at"),
    )
