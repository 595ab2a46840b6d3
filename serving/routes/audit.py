"""The record of every change, newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.logs import request_id
from serving.paging import Before, next_before

router = APIRouter(prefix="/api/v1/audit", tags=["access"], dependencies=[Depends(require(Permission.AUDIT))])


class AuditAnswer(Answer):
    """Entries, newest first; `next_before` asks for the next page."""

    entries: list[dict[str, Any]]
    next_before: str | None = None


@router.get("", responses=errors(401, 403, 422, 503))
def audit(
    services: ServicesDep,
    who: str | None = None,
    action: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before | None = None,
) -> AuditAnswer:
    """List what was changed, by whom, and from where."""
    found = services.access.audit_log.entries(limit, before, who, action)
    following = next_before(found, limit, "at")
    listed = [{"id": entry["_id"], **{k: v for k, v in entry.items() if k != "_id"}} for entry in found]
    return AuditAnswer(timestamp=now(), request_id=request_id.get(), entries=listed, next_before=following)
