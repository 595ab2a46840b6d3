"""Writes the service's log: one JSON object a line, each with the id and the user of the request it belongs to.

The access log has a way of its own, because it is written for every request: its lines are encoded and written
together, a moment later.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import msgspec
import structlog
from starlette.types import Scope

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the request that is being answered."""
current_scope: ContextVar[Scope | None] = ContextVar("current_scope", default=None)
"""The request that is being answered."""

FLUSH_SECONDS = 0.2
FLUSH_LINES = 500
MOST_LINES = 100_000
_MODELS = "/api/v1/models/"
_encode_json = msgspec.json.Encoder(enc_hook=str).encode


def _encode(event: Any) -> bytes:
    """An event as one line of JSON; halves of surrogate pairs, which UTF-8 cannot hold, are escaped."""
    try:
        return _encode_json(event)
    except UnicodeEncodeError:
        plain = msgspec.structs.asdict(event) if isinstance(event, msgspec.Struct) else event
        return json.dumps(plain, default=str).encode()


def user_of(scope: Scope | None) -> str | None:
    """Who asks, when the service knows."""
    name: str | None = getattr((scope or {}).get("millrace.caller"), "name", None)
    return name


def configure_logging(level: str, form: str = "json") -> None:
    """Send the log of `serving` and `millrace` to standard error; a second call changes level and form only."""
    formatter = _formatter(form)
    for name in ("serving", "millrace"):
        logger = logging.getLogger(name)
        logger.setLevel(level.upper())
        if not logger.handlers:
            logger.addHandler(logging.StreamHandler())
        logger.handlers[0].setFormatter(formatter)


def _formatter(form: str) -> logging.Formatter:
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=lambda event, **_: _encode(event).decode())
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request,
        structlog.processors.format_exc_info,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )


def _add_request(_: Any, __: str, event: Any) -> Any:
    event["request_id"] = request_id.get()
    user = user_of(current_scope.get())
    if user is not None:
        event["user"] = user
    return event


class AccessLine(msgspec.Struct, kw_only=True, gc=False):
    """One answered request, as it stands in the access log."""

    event: str = "request"
    level: str = "info"
    logger: str = "serving.access"
    timestamp: str
    request_id: str
    method: str
    path: str
    status: int
    milliseconds: float
    user: str | None
    model: str | None


class AccessLog:
    """The lines of the access log, written some at a time by a thread of its own."""

    def __init__(self, write: Callable[[bytes], object] | None = None) -> None:
        self._write = write or _to_standard_error
        self._lines: list[AccessLine] = []
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, line: AccessLine) -> None:
        """Keep one line; it is written within a moment."""
        if len(self._lines) < MOST_LINES:  # nobody reads standard error: memory is worth more than its lines
            self._lines.append(line)
        if self._thread is None or len(self._lines) >= FLUSH_LINES:
            self._hurry()

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        if lines:
            self._write(b"\n".join(map(_encode, lines)) + b"\n")

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2)
        self.flush()

    def _hurry(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="access log", daemon=True)
            self._thread.start()
        self._wake.set()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(FLUSH_SECONDS)
            self._wake.clear()
            self.flush()


def model_of(path: str) -> str | None:
    """The model that an address names."""
    return path[len(_MODELS) :].partition("/")[0] or None if path.startswith(_MODELS) else None


def _to_standard_error(lines: bytes) -> None:
    sys.stderr.flush()
    while lines:
        lines = lines[os.write(2, lines) :]
