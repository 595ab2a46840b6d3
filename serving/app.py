r"""Composes the service; what it does is in the rooms it puts together.

uvicorn serving.app:create_app --factory --http serving.quick.protocol:QuickProtocol \
    --loop serving.quick.loop:new_event_loop
"""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from millrace import __version__
from millrace.settings import Settings, get_settings
from serving.access.middleware import AccessMiddleware
from serving.access.permissions import guard
from serving.answers import ErrorAnswer
from serving.body_limit import BodyLimitMiddleware
from serving.compressed import UnpackBodyMiddleware
from serving.console_page import mount_console
from serving.deps import Services
from serving.errors import install_error_handlers
from serving.logs import configure_logging
from serving.openapi import DESCRIPTION, install_openapi
from serving.quick.door import QuickDoor
from serving.quick.protocol import STATE
from serving.requests import RequestMiddleware, security_headers
from serving.routes import ROUTERS
from serving.settings import service_settings

_COMPRESSED = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    "application/octet-stream",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
)
"""Types of answers that compression makes slower and hardly smaller."""
SWITCH_SECONDS = 0.0005
YOUNG_OBJECTS = 20_000
"""So many more objects let Python look for cycles: with its own 700 that took a sixth of an overloaded event loop."""
_CORS: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
    "expose_headers": ["X-Request-ID", "Retry-After"],
    "max_age": 600,
}
"""No credentials: a token is sent by a program on purpose, never by the browser on its own."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI application. It connects to nothing until it runs, and starts without its parts."""
    settings = settings or get_settings()
    limits = service_settings(settings.millrace_home)
    configure_logging(limits.serving_log_level, limits.serving_log_format)
    services = Services(settings, limits)
    app = FastAPI(
        title="Millrace",
        description=DESCRIPTION,
        version=__version__,
        lifespan=_lifespan,
        redirect_slashes=False,  # it would lead to whatever the header Host says, and from https to http
        docs_url=None,
        redoc_url=None,
        responses={"default": {"model": ErrorAnswer, "description": "What went wrong, and how to mend it."}},
    )
    app.state.services = services
    app.state.security = security_headers(f"'self' {_origin(settings.airflow)}")
    # Innermost: what stands below is outside of it.
    app.add_middleware(BodyLimitMiddleware, most_bytes=limits.serving_body_bytes, seconds=limits.serving_body_seconds)
    app.add_middleware(UnpackBodyMiddleware)
    if limits.serving_gzip_bytes:
        app.add_middleware(
            GZipMiddleware, limits.serving_gzip_bytes, compresslevel=5, exclude_content_types=_COMPRESSED
        )
    app.add_middleware(AccessMiddleware, access=services.access)
    if services.access.options.origins:
        app.add_middleware(CORSMiddleware, allow_origins=services.access.options.origins, **_CORS)
    if services.telemetry.tracing is not None:
        from serving.telemetry.tracing import TracingMiddleware

        app.add_middleware(TracingMiddleware, tracing=services.telemetry.tracing)
    app.add_middleware(
        RequestMiddleware,
        metrics=services.metrics,
        access=services.access_log,
        security=app.state.security,
    )
    install_error_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    mount_console(app)
    guard(app)
    install_openapi(app, services.manager, services.access.anonymous.permissions)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    services: Services = app.state.services
    _stay_responsive()
    services.start()
    # The short way knows no spans: with them, every request goes the ordinary one.
    yield {STATE: QuickDoor(services, app.state.security)} if services.telemetry.tracing is None else {}
    await services.close()


def _stay_responsive() -> None:
    """Keep what else the process does from holding up an answer for long.

    A thread that computes, such as the one that delivers records, gives way after half a millisecond; the modules,
    which stay for ever, are not looked through by each full garbage collection (gc.freeze, Python's manual), and what
    thousands of requests under way hold is looked through seldom.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


def _origin(url: str) -> str:
    """Scheme, host and port: Airflow shows the console in a frame of its own pages."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
