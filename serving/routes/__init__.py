"""The routes: each reads its request, asks the part that knows, and shapes the answer."""

from __future__ import annotations

from fastapi import APIRouter

from serving.routes import (
    alerts,
    artifacts,
    audit,
    auth,
    check_pages,
    credentials,
    decisions,
    explain,
    feedback,
    files,
    forecast_index,
    forecasts,
    health,
    invocations,
    keys,
    metrics,
    models,
    monitoring,
    open_inference,
    pipelines,
    predict,
    runs,
    specs,
    traffic,
    users,
    versions,
)

ROUTERS: tuple[APIRouter, ...] = (
    predict.router,
    versions.router,
    files.router,
    explain.router,
    open_inference.router,
    invocations.router,
    feedback.router,
    forecasts.router,
    forecast_index.router,
    models.router,
    traffic.router,
    decisions.router,
    pipelines.router,
    specs.router,
    monitoring.router,
    check_pages.router,
    alerts.router,
    runs.router,
    artifacts.router,
    auth.router,
    users.router,
    keys.router,
    credentials.router,
    audit.router,
    health.router,
    metrics.router,
)
"""Every router of the service."""
