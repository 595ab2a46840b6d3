"""Wraps each request: gives it an id, writes its line in the access log, adds the security headers.

A plain ASGI middleware, so that nothing is buffered; an exception that no handler caught ends here.
"""

from __future__ import annotations

import logging
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.answers import now
from serving.errors import error_answer
from serving.ids import new_id
from serving.logs import AccessLine, AccessLog, current_scope, model_of, request_id, user_of
from serving.metrics import Metrics

log = logging.getLogger(__name__)
UNREMARKABLE = ("/console/", "/docs/assets/", "/health", "/metrics")
DEADLINE = b"x-millrace-deadline-ms"
LONGEST = 10
VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def security_headers(frame_ancestors: str) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that go out with every answer."""
    policy = (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        f"frame-ancestors {frame_ancestors}"
    )
    return (
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"content-security-policy", policy.encode("latin-1")),
    )


class RequestMiddleware:
    """The outermost layer of the service."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, access: AccessLog, security: tuple[tuple[bytes, bytes], ...]
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.access = access
        self.security = security

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and see it home."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identity = _identity(scope)
        token, outer = request_id.set(identity), current_scope.set(scope)
        call = _Call(self.security, identity, send)
        try:
            await self.app(scope, receive, call.send)
        except Exception as error:
            await call.fail(error, scope, receive)
        finally:
            self._note(scope, call.status, time.perf_counter() - call.started)
            current_scope.reset(outer)
            request_id.reset(token)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count the request, and write its line in the access log."""
        self.metrics.note_request(scope, status, seconds)
        if status >= 400 or not scope["path"].startswith(UNREMARKABLE):
            self.access.note(_line("info", scope, status, seconds))
        elif log.isEnabledFor(logging.DEBUG):
            self.access.note(_line("debug", scope, status, seconds))


class _Call:
    """One request on its way back: its status and its time."""

    def __init__(self, security: tuple[tuple[bytes, bytes], ...], identity: str, send: Send) -> None:
        self.security = security
        self.identity = identity
        self.forward = send
        self.started = time.perf_counter()
        self.status = 0

    async def send(self, message: Message) -> None:
        """Send on, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = list(message.get("headers", ()))
            own = {name.lower() for name, _ in given}
            added = [header for header in self.security if header[0] not in own]
            message["headers"] = [*given, *added, (b"x-request-id", self.identity.encode("ascii"))]
        await self.forward(message)

    async def fail(self, error: Exception, scope: Scope, receive: Receive) -> None:
        """Answer an exception that nobody caught; once the answer has begun, only the log can tell."""
        answer = error_answer(error, scope["method"], scope["path"])
        if self.status == 0:
            await answer(scope, receive, self.send)
        else:
            raise error


def _line(level: str, scope: Scope, status: int, seconds: float) -> AccessLine:
    path = scope["path"]
    return AccessLine(
        level=level,
        timestamp=now(),
        request_id=request_id.get(),
        method=scope["method"],
        path=path,
        status=status,
        milliseconds=round(seconds * 1000, 3),
        user=user_of(scope),
        model=model_of(path),
    )


def patience_of_caller() -> float | None:
    """How many seconds the caller of the present request will wait; None when it does not say so sensibly."""
    scope = current_scope.get()
    headers = scope["headers"] if scope is not None else ()
    given = next((value for name, value in headers if name == DEADLINE), None)
    return int(given) / 1000 if given is not None and given.isdigit() and len(given) < LONGEST else None


def _identity(scope: Scope) -> str:
    """The caller's id where it is harmless, else one of our own; it need not be a secret."""
    return identity_of(next((value for name, value in scope["headers"] if name == b"x-request-id"), None))


def identity_of(given: bytes | None) -> str:
    """An id as a caller sent it where it is harmless, else a new one."""
    text = given.decode("latin-1") if given is not None else ""
    return text if VALID_ID.fullmatch(text) else new_id()
