"""Reads a request's body: bounded in size and time. What the bytes mean is not its matter."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NoReturn

from starlette.requests import Request
from starlette.types import Receive

from serving.failures import MalformedBodyError, SlowBodyError, TooLargeError, refuse_encoding
from serving.runtime.strict_json import parse_json

__all__ = ["parse_json", "read_body", "receive_body"]


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The whole body. Raises TooLargeError as soon as it passes `limit`, SlowBodyError after `seconds`."""
    return await receive_body(request.scope["headers"], request.receive, limit, seconds)


async def receive_body(headers: Iterable[tuple[bytes, bytes]], receive: Receive, limit: int, seconds: float) -> bytes:
    """The same for a caller that has no Request: one object less on the hot path."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            _refuse_size(limit)
        if name == b"content-encoding":
            refuse_encoding(value.decode("latin-1"))
    try:
        async with asyncio.timeout(seconds):
            return await _collect(receive, limit)
    except TimeoutError:
        raise SlowBodyError(f"The body did not arrive within {seconds:g} seconds.", hint="Send it again.") from None


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
            _refuse_size(limit)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()


def _refuse_size(limit: int) -> NoReturn:
    raise TooLargeError(f"The body is larger than {limit:,} bytes.", hint="Send fewer rows at a time.")
