"""A span for each request, sent by OTLP; it goes on with the trace that the caller's `traceparent` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.logs import request_id, user_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_UNREMARKABLE = ("/health", "/metrics", "/console/", "/docs/assets/")
_FAILED = 500


class Tracing:
    """The spans of one process."""

    def __init__(self, endpoint: str, service_name: str, version: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create({"service.name": service_name, "service.version": version})
        self._provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("millrace", version)
        self._context = TraceContextTextMapPropagator()

    def noting(self, note: Callable[..., None]) -> Callable[..., None]:
        """What notes a prediction, and says in the request's span which version made it."""
        from opentelemetry.trace import get_current_span

        def noted(name: str, version: str, columns: Any, values: Any, seconds: float, variant: str) -> None:
            span = get_current_span()
            span.set_attributes(
                {
                    "millrace.model": name,
                    "millrace.model_version": version,
                    "millrace.variant": variant,
                    "millrace.rows": len(values),
                    "millrace.prediction_seconds": seconds,
                }
            )
            note(name, version, columns, values, seconds, variant)

        return noted

    def close(self) -> None:
        """Send what waits, and end."""
        self._provider.shutdown()

    async def traced(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request inside a span."""
        from opentelemetry.trace import SpanKind, StatusCode, use_span

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        span = self._tracer.start_span(
            scope["method"],
            self._context.extract({name: headers[name] for name in ("traceparent", "tracestate") if name in headers}),
            SpanKind.SERVER,
            {"http.request.method": scope["method"], "url.path": scope["path"], "url.scheme": scope["scheme"]},
        )

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                _describe(span, scope, message["status"])
            await send(message)

        # What an exception says may quote a value: that it came is enough here, the log has its reason.
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                await app(scope, receive, watched)
            except Exception:
                span.set_status(StatusCode.ERROR)
                raise


class TracingMiddleware:
    """Puts each request worth one into a span."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, inside a span or not."""
        if scope["type"] != "http" or scope["path"].startswith(_UNREMARKABLE):
            await self.app(scope, receive, send)
        else:
            await self._tracing.traced(self.app, scope, receive, send)


def _describe(span: Span, scope: Scope, status: int) -> None:
    """Name the span by its route (few names, not one for each address), and say how it ended."""
    from opentelemetry.trace import StatusCode

    route = getattr(scope.get("route"), "path", None)
    if route:
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
    span.set_attributes({"http.response.status_code": status, "millrace.request_id": request_id.get()})
    user = user_of(scope)
    if user:
        span.set_attribute("user.name", user)
    if status >= _FAILED:
        span.set_status(StatusCode.ERROR)
