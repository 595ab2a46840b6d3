"""The service's numbers, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from serving.access.permissions import Permission, require
from serving.deps import ServicesDep

router = APIRouter(tags=["health"], dependencies=[Depends(require(Permission.METRICS))])


@router.get("/metrics", response_class=Response)
def metrics(services: ServicesDep) -> Response:
    """Show the numbers in Prometheus' text form."""
    services.gauges.refresh()
    content, kind = services.metrics.page()
    return Response(content, headers={"Content-Type": kind})
