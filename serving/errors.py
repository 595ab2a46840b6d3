"""Turns every failure into the one form of an error answer.

    {"success": false, "error": sentence, "code", "timestamp", "request_id", "details"?}

A person is told what was found and what to do. An unexpected exception is told by the request's id only; its stack
trace goes to the log.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from millrace.errors import MillraceError
from serving.answers import now
from serving.failures import OverloadedError
from serving.logs import request_id

log = logging.getLogger(__name__)


def install_error_handlers(app: FastAPI) -> None:
    """Map every exception of a route in one place."""
    for kind in (MillraceError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _handle)


async def _handle(request: Request, error: Exception) -> JSONResponse:
    return error_answer(error, request.method, request.url.path)


def error_answer(error: Exception, method: str, path: str) -> JSONResponse:
    """The answer for any exception; one that nobody expected is logged with its stack trace."""
    if isinstance(error, HTTPException) and isinstance(error.__cause__, MillraceError):
        error = error.__cause__  # while the framework read the body
    if isinstance(error, MillraceError):
        return _of_millrace(error)
    if isinstance(error, RequestValidationError):
        return _of_parameters(error)
    if isinstance(error, HTTPException):
        return _of_http(error, method, path)
    log.error("unexpected %s at %s %s", type(error).__name__, method, path, exc_info=error)
    sentence = f"Something failed inside the service. Its log has the reason under request {request_id.get()}."
    return _answer(500, sentence, "internal_error")


def _of_millrace(error: MillraceError) -> JSONResponse:
    if error.http_status >= 500 and not isinstance(error, OverloadedError):  # a line for each would add to the load
        log.error("%s: %s", error.code, error, exc_info=error.__cause__)
    headers = getattr(error, "headers", None) or ({"Retry-After": "1"} if error.http_status == 503 else None)
    return _answer(error.http_status, str(error), error.code, error.details, headers)


def _of_parameters(error: RequestValidationError) -> JSONResponse:
    problems = [{"where": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
    sentence = "; ".join(f"{p['where']}: {p['problem']}" for p in problems[:3])
    return _answer(422, f"The request's parameters do not fit: {sentence}.", "bad_request", {"errors": problems})


def _of_http(error: HTTPException, method: str, path: str) -> JSONResponse:
    sentences = {
        404: (f"There is nothing at {path}. The addresses are listed at /docs.", "not_found"),
        405: (f"{method} is not allowed at {path}. Allowed: {(error.headers or {}).get('Allow', 'see /docs')}.",
              "method_not_allowed"),
    }  # fmt: skip
    sentence, code = sentences.get(error.status_code, (str(error.detail), "http_error"))
    return _answer(error.status_code, sentence, code, headers=dict(error.headers or {}))


def _answer(
    status: int, sentence: str, code: str, details: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    content: dict[str, Any] = {
        "success": False,
        "error": sentence,
        "code": code,
        "timestamp": now(),
        "request_id": request_id.get(),
    }
    if details:
        content["details"] = details
    return _ErrorResponse(content, status_code=status, headers=headers)


class _ErrorResponse(JSONResponse):
    """JSON that may quote what a sender wrote, also half of a surrogate pair, which UTF-8 cannot carry."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
