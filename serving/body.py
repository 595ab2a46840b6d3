"""Reads a request's body: bounded in size and time. What the bytes mean is not its matter."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TypeAlias

from starlette.requests import Request
from starlette.types import Receive

from serving.failures import MalformedBodyError, SlowBodyError, TooLargeError
from serving.runtime.strict_json import parse_json

__all__ = ["parse_json", "read_body"]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The whole body. Raises TooLargeError as soon as it passes `limit`, SlowBodyError after `seconds`."""
    refuse_announced(request.scope["headers"], limit)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(request.receive, limit)
    except TimeoutError:
        raise slow_body(seconds) from None


def refuse_announced(headers: Headers, limit: int) -> None:
    """Raise TooLargeError for a body that says so itself; packed, it would not be smaller plain."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise too_large(limit)


async def _collect(receive: Receive, limit: int) -> bytes:
    message = await receive()
    chunk: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(chunk) <= limit:
        return chunk  # it came in one piece: nothing to put together
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise MalformedBodyError("The connection closed before the whole body had arrived.")
        body += message.get("body", b"")
        if len(body) > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()


def too_large(limit: int) -> TooLargeError:
    """The error for a body beyond the limit."""
    return TooLargeError(f"The body is larger than {limit:,} bytes.", hint="Send less at a time.")


def slow_body(seconds: float) -> SlowBodyError:
    """The error for a body that did not arrive in time."""
    return SlowBodyError(f"The body did not arrive within {seconds:g} seconds.", hint="Send it again.")
