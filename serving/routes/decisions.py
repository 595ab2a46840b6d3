"""Why each version of a model became the champion, or did not: what runs, persons and live quality decided."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from millrace.errors import NotFoundError, did_you_mean
from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import Services, ServicesDep
from serving.logs import request_id
from serving.paging import Before, next_before

router = APIRouter(
    prefix="/api/v1/models/{name}/decisions", tags=["models"], dependencies=[Depends(require(Permission.READ))]
)


class DecisionsAnswer(Answer):
    """Decisions, newest first, each with its evidence; `next_before` asks for the next page."""

    decisions: list[dict[str, Any]]
    next_before: str | None = None


@router.get("", responses=errors(401, 403, 404, 422, 503))
def decisions(
    name: str,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    before: Before | None = None,
) -> DecisionsAnswer:
    """List the promotions, refusals, approvals and rollbacks of a model."""
    found = services.runs.decisions(name, limit, before)
    if not found and before is None:
        _require(services, name)
    return DecisionsAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        decisions=[{"id": one["_id"], **{key: one[key] for key in one if key != "_id"}} for one in found],
        next_before=next_before(found, limit, "at"),
    )


def _require(services: Services, name: str) -> None:
    """A model of which nothing was decided, and none that is not there. Raises NotFoundError."""
    known = services.manager.registry_state.aliases
    if known is not None and name not in {*known, *services.manager.models}:
        raise NotFoundError(f"There is no model '{name}'.", hint=did_you_mean(name, known) if known else None)
