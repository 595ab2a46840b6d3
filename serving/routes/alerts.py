"""The alerts: what is wrong, who knows of it, and that it is over."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from serving.access.callers import identify
from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import Services, ServicesDep
from serving.logs import request_id
from serving.paging import Before, next_before

router = APIRouter(prefix="/api/v1/alerts", tags=["platform"])
_READ, _CHANGE = ([Depends(require(permission))] for permission in (Permission.READ, Permission.ALERTS))
Status = Literal["active", "open", "acknowledged", "resolved"]


class AlertsAnswer(Answer):
    """Alerts, newest first; `next_before` asks for the next page."""

    alerts: list[dict[str, Any]]
    next_before: str | None = None


class AlertAnswer(Answer):
    """One alert, with what became of its deliveries."""

    alert: dict[str, Any]


@router.get("", dependencies=_READ, responses=errors(422, 503))
def alerts(
    services: ServicesDep,
    pipeline: str | None = None,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before | None = None,
) -> AlertsAnswer:
    """List alerts; `active` are those that nobody and nothing has ended yet."""
    found = services.desk.store.find(pipeline, status, limit, before)
    following = next_before(found, limit, "opened_at")
    return AlertsAnswer(
        timestamp=now(), request_id=request_id.get(), alerts=[shown(alert) for alert in found], next_before=following
    )


@router.get("/{alert_id}", dependencies=_READ, responses=errors(404, 503))
def alert(alert_id: str, services: ServicesDep) -> AlertAnswer:
    """Show one alert."""
    return _answer(services.desk.store.get(alert_id))


@router.post("/{alert_id}/acknowledge", dependencies=_CHANGE, responses=errors(401, 403, 404, 409, 503))
def acknowledge(alert_id: str, request: Request, services: ServicesDep) -> AlertAnswer:
    """Say that somebody knows. Repeating it changes nothing."""
    by = identify(request).name
    return _changed(services, request, alert_id, "acknowledge", lambda: services.desk.store.acknowledge(alert_id, by))


@router.post("/{alert_id}/resolve", dependencies=_CHANGE, responses=errors(401, 403, 404, 503))
def resolve(alert_id: str, request: Request, services: ServicesDep) -> AlertAnswer:
    """End an alert; if the condition is found again, a new one opens. Repeating it changes nothing."""
    by = identify(request).name
    return _changed(services, request, alert_id, "resolve", lambda: services.desk.resolve(alert_id, by, "by hand"))


def _changed(services: Services, request: Request, alert_id: str, verb: str, work: Any) -> AlertAnswer:
    before = services.desk.store.get(alert_id)["status"]
    audit = services.access.audit
    return _answer(audit.change(request, f"alerts.{verb}", f"alert:{alert_id}", work, {"status": before}))


def _answer(document: dict[str, Any]) -> AlertAnswer:
    return AlertAnswer(timestamp=now(), request_id=request_id.get(), alert=shown(document))


def shown(document: dict[str, Any]) -> dict[str, Any]:
    """The alert as answers hold it."""
    kept = {name: value for name, value in document.items() if name not in {"_id", "slot", "news", "told_critical"}}
    deliveries = [
        {name: news.get(name) for name in ("event", "channel", "status", "attempts", "error", "made_at")}
        for news in document.get("news", [])
    ]
    return {"id": document["_id"], **kept, "deliveries": deliveries}
